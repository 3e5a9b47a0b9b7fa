// MapLibre's own validator over style files: prints what it says of each, then one JSON line. Exit 1 on any error.
//   node styles.mjs FILE…
import { readFileSync } from 'node:fs';
import { validateStyleMin } from '@maplibre/maplibre-gl-style-spec';

let styles = 0, errors = 0;
for (const path of process.argv.slice(2)) {
  const found = validateStyleMin(JSON.parse(readFileSync(path, 'utf8')));
  styles += 1;
  errors += found.length;
  for (const error of found) console.log(`${path}: ${error.message}`);
}
console.log(JSON.stringify({ styles, errors }));
process.exit(errors > 0 || styles === 0 ? 1 : 0);

// Khronos' glTF validator over files and folders: prints one JSON line per file with an error, then a summary. Exit 1 on any error.
//   node glb.mjs PATH…
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import validator from 'gltf-validator';

function* glbs(path) {
  if (statSync(path).isDirectory()) for (const name of readdirSync(path)) yield* glbs(join(path, name));
  else if (path.endsWith('.glb')) yield path;
}
let files = 0, errors = 0, warnings = 0;
for (const path of process.argv.slice(2).flatMap((root) => [...glbs(root)])) {
  const report = await validator.validateBytes(new Uint8Array(readFileSync(path)), { maxIssues: 20 });
  files += 1;
  errors += report.issues.numErrors;
  warnings += report.issues.numWarnings;
  if (report.issues.numErrors > 0) console.log(JSON.stringify({ path, messages: report.issues.messages.filter((message) => message.severity === 0) }));
}
console.log(JSON.stringify({ files, errors, warnings }));
process.exit(errors > 0 || files === 0 ? 1 : 0);

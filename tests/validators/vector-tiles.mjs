// Mapbox's own decoder over vector tile files: every ring must be closed, wound as the specification says and within the tile's buffer.
//   node vector-tiles.mjs FILE…
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { VectorTile } from '@mapbox/vector-tile';
import { PbfReader } from 'pbf';

const area = (ring) => ring.reduce((sum, point, at) => { const next = ring[(at + 1) % ring.length]; return sum + point.x * next.y - next.x * point.y; }, 0) / 2;
let tiles = 0, features = 0, rings = 0;
const bad = [];
for (const path of process.argv.slice(2)) {
  let bytes = readFileSync(path);
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) bytes = gunzipSync(bytes);
  const tile = new VectorTile(new PbfReader(bytes));
  tiles += 1;
  for (const layer of Object.values(tile.layers)) {
    for (let at = 0; at < layer.length; at += 1) {
      const feature = layer.feature(at);
      features += 1;
      if (feature.id !== undefined && !(feature.id < 2 ** 53)) bad.push(`${path}: id ${feature.id}`);
      if (feature.type !== 3) continue;
      const geometry = feature.loadGeometry();
      geometry.forEach((ring, number) => {
        rings += 1;
        const open = ring.slice(0, -1);
        if (open.length < 3 || area(open) === 0) bad.push(`${path}: feature ${feature.id} ring ${number} is degenerate`);
        if (number === 0 && area(open) < 0) bad.push(`${path}: feature ${feature.id} begins with a hole`);
        if (ring.some((point) => Math.abs(point.x - layer.extent / 2) > layer.extent * 2 || Math.abs(point.y - layer.extent / 2) > layer.extent * 2)) bad.push(`${path}: feature ${feature.id} leaves the tile`);
      });
    }
  }
}
for (const line of bad.slice(0, 20)) console.log(line);
console.log(JSON.stringify({ tiles, features, rings, bad: bad.length }));
process.exit(bad.length > 0 || tiles === 0 ? 1 : 0);

// CesiumJS in headless Chromium loads tilesets and draws them: prints for each the tiles, triangles or points it chose and how much of the picture it covers.
//   node cesium.mjs OUT_FOLDER TILESET_URL…
// Exit 1 when a tile failed, the page had an error, or a tileset left the picture black.
import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { launch, watchedPage } from './browser.mjs';

const [folder, ...tilesets] = process.argv.slice(2);
const library = fileURLToPath(new URL('node_modules/cesium/Build/Cesium/', import.meta.url));
const kinds = { '.js': 'text/javascript', '.css': 'text/css', '.json': 'application/json', '.wasm': 'application/wasm', '.png': 'image/png', '.jpg': 'image/jpeg' };
const html = '<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><link rel="stylesheet" href="/Widgets/widgets.css"><script>CESIUM_BASE_URL = "/"</script><script src="/Cesium.js"></script><body style="margin:0"><div id="map" style="width:800px;height:600px"></div>';
const server = createServer(async (request, response) => {
  const path = normalize(decodeURIComponent(new URL(request.url, 'http://host').pathname));
  if (path === '/') return response.setHeader('content-type', 'text/html').end(html);
  try {
    const bytes = await readFile(join(library, path));
    response.setHeader('content-type', kinds[extname(path)] ?? 'application/octet-stream').end(bytes);
  } catch { response.writeHead(404).end(); }
});
await new Promise((listening) => { server.listen(0, '127.0.0.1', listening); });

// Runs in the page: an empty black globe-less scene with one tileset, looked at until nothing is left to load.
async function show(url) {
  const viewer = new Cesium.Viewer('map', { baseLayer: false, baseLayerPicker: false, geocoder: false, timeline: false, animation: false, skyBox: false, skyAtmosphere: false, globe: false, homeButton: false, sceneModePicker: false, navigationHelpButton: false, infoBox: false, selectionIndicator: false, contextOptions: { webgl: { preserveDrawingBuffer: true } } });
  viewer.scene.backgroundColor = Cesium.Color.BLACK;
  const failed = [];
  const tileset = await Cesium.Cesium3DTileset.fromUrl(url);
  tileset.tileFailed.addEventListener((event) => failed.push(`${event.url}: ${event.message}`));
  tileset.pointCloudShading = new Cesium.PointCloudShading({ attenuation: true, maximumAttenuation: 4 });
  viewer.scene.primitives.add(tileset);
  const loaded = new Promise((all) => { tileset.initialTilesLoaded.addEventListener(all); });
  await viewer.zoomTo(tileset, new Cesium.HeadingPitchRange(0, Cesium.Math.toRadians(-60), tileset.boundingSphere.radius * 2));
  await loaded;
  viewer.render();
  const { numberOfTilesWithContentReady: tiles, numberOfTrianglesSelected: triangles, numberOfPointsSelected: points } = tileset.statistics;
  const gl = viewer.scene.context._gl, pixels = new Uint8Array(gl.drawingBufferWidth * gl.drawingBufferHeight * 4);
  gl.readPixels(0, 0, gl.drawingBufferWidth, gl.drawingBufferHeight, gl.RGBA, gl.UNSIGNED_BYTE, pixels);
  let lit = 0;
  for (let at = 0; at < pixels.length; at += 4) if (pixels[at] + pixels[at + 1] + pixels[at + 2] > 12) lit += 1;
  return { url, tiles, triangles, points, failed, covered: lit / (pixels.length / 4) };
}

const browser = await launch();
const said = [], errors = [];
try {
  for (const [number, url] of tilesets.entries()) {
    const watched = await watchedPage(browser, 800, 600);
    await watched.page.goto(`http://127.0.0.1:${server.address().port}/`, { waitUntil: 'load', timeout: 60000 });
    said.push(await watched.page.evaluate(show, url));
    await watched.page.screenshot({ path: join(folder, `cesium-${number}.png`) });
    errors.push(...watched.errors);
    await watched.page.close();
  }
} finally { await browser.close(); server.close(); server.closeAllConnections(); }
const bad = said.filter((one) => one.failed.length > 0 || one.covered < 0.02 || one.triangles + one.points === 0).length + errors.length;
console.log(JSON.stringify({ said, errors, bad }));
process.exit(bad > 0 || said.length === 0 ? 1 : 0);

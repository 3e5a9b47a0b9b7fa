// The addresses a department needs to use a dataset elsewhere, ready to copy, with a snippet for three map libraries.

import { copy, element, fill } from '../element.js';
import { absolute, read } from '../service.js';
import { say, titleOf } from '../words.js';

export function drawAddresses(container, datasets) {
  fill(container, ...datasets.map((dataset) => section(dataset)));
}

function section(dataset) {
  const { links = {} } = dataset;
  const box = element('section', {}, element('h3', { textContent: `${titleOf(dataset)} · ${dataset.slug}` }));
  const line = (label, address) => box.append(element('div', { className: 'address' }, element('span', { textContent: label }), element('code', { textContent: address }),
    element('button', { type: 'button', textContent: say('copy'), onclick: () => copy(address) })));
  if (links.tilejson) line(say('tilejson'), absolute(links.tilejson));
  if (links.terrain) line(say('terrainTiles'), absolute(`${links.terrain}?gaps=fill`));
  if (links.tileset) line(say('tileset'), absolute(links.tileset));
  if (links.tileset) line(say('viewerCommand'), `shikong-view ${new URL('.', document.baseURI).href.replace(/\/$/, '')}`);
  if (links.features) line(say('features'), absolute(links.features));
  if (links.style) line(say('style'), absolute(links.style));
  const tiled = links.tilejson || (links.terrain && `${links.terrain}?gaps=fill`);
  if (tiled) {
    read(tiled).then((tilejson) => {
      const template = tilejson.tiles?.[0];
      if (!template) return;
      line(dataset.kind === 'elevation' ? say('terrainMapbox') : say('tilesW'), dataset.kind === 'elevation' ? template.replace('/terrarium/', '/mapbox/') : template);
      if (dataset.kind === 'imagery' || dataset.kind === 'features') line(say('tilesC'), template.replace('/{z}/', '/c/{z}/'));
      if (dataset.kind !== 'elevation') box.append(snippets(dataset, tilejson, template));
    }).catch((problem) => box.append(element('p', { className: 'note', textContent: problem.message })));
  }
  return box;
}

function snippets(dataset, tilejson, template) {
  const vector = dataset.kind === 'features';
  const address = absolute(dataset.links.tilejson);
  const { slug } = dataset;
  const texts = {
    MapLibre: vector
      ? `map.addSource('${slug}', { type: 'vector', url: '${address}' });\nmap.addLayer({ id: '${slug}', type: 'fill', source: '${slug}', 'source-layer': '${slug}', paint: { 'fill-color': '#5b9bd5', 'fill-opacity': 0.5 } });`
      : `map.addSource('${slug}', { type: 'raster', url: '${address}', tileSize: 256 });\nmap.addLayer({ id: '${slug}', type: 'raster', source: '${slug}' });`,
    OpenLayers: vector
      ? `new ol.layer.VectorTile({ source: new ol.source.VectorTile({ format: new ol.format.MVT(), url: '${template}', maxZoom: ${tilejson.maxzoom} }) })`
      : `new ol.layer.Tile({ source: new ol.source.XYZ({ url: '${template}', maxZoom: ${tilejson.maxzoom} }) })`,
    Leaflet: vector
      ? `L.vectorGrid.protobuf('${template}', { maxNativeZoom: ${tilejson.maxzoom} }).addTo(map);`
      : `L.tileLayer('${template}', { maxNativeZoom: ${tilejson.maxzoom}, bounds: [[${tilejson.bounds?.[1]}, ${tilejson.bounds?.[0]}], [${tilejson.bounds?.[3]}, ${tilejson.bounds?.[2]}]] }).addTo(map);`,
  };
  const code = element('pre', { textContent: texts.MapLibre });
  const tabs = element('div', { className: 'tabs' });
  for (const name of Object.keys(texts)) {
    tabs.append(element('button', { type: 'button', textContent: name, 'aria-pressed': name === 'MapLibre', onclick: (event) => {
      code.textContent = texts[name];
      for (const tab of tabs.querySelectorAll('button')) tab.setAttribute('aria-pressed', tab === event.target);
    } }));
  }
  tabs.append(element('button', { type: 'button', textContent: say('copy'), onclick: () => copy(code.textContent) }));
  return element('div', { className: 'snippet' }, tabs, code);
}

// What lies under a click: every visible plan layer's attributes, with revision and date, the position and the ground's height.

import { dayOf } from './catalogue.js';
import { element } from './panel.js';
import { say, titleOf } from './words.js';

export function identify(map, stack, event, panel) {
  const around = 3;
  const box = [[event.point.x - around, event.point.y - around], [event.point.x + around, event.point.y + around]];
  const layers = [...stack.entries.values()].filter((entry) => entry.visible && entry.dataset.kind === 'features').flatMap((entry) => entry.layers.map((layer) => layer.id));
  const found = new Map();
  for (const feature of layers.length ? map.queryRenderedFeatures(box, { layers }) : []) {
    const entry = stack.ownerOf(feature.layer.id);
    found.set(`${entry.dataset.slug}/${feature.id ?? JSON.stringify(feature.properties)}`, { entry, feature });
  }
  panel.replaceChildren(place(map, event.lngLat));
  if (found.size === 0) panel.append(element('p', { className: 'empty', textContent: say('nothingHere') }));
  for (const { entry, feature } of found.values()) {
    const { dataset } = entry;
    panel.append(element('h3', { textContent: titleOf(dataset) }));
    const when = [`${say('revision')} ${dataset.revision?.id ?? '-'}`, `${say('validFrom')} ${dayOf(dataset.revision?.valid_from) || '-'}`];
    if (dataset.revision?.responsible_unit) when.push(`${say('unit')} ${dataset.revision.responsible_unit}`);
    panel.append(element('p', { className: 'when', textContent: when.join(' · ') }));
    panel.append(table(Object.entries(feature.properties).filter(([, value]) => value !== '' && value !== null).map(([name, value]) => [aliasOf(dataset, name), value])));
  }
}

function aliasOf(dataset, name) {
  const field = dataset.properties?.fields?.find((candidate) => candidate.name === name);
  return field?.alias && field.alias !== name ? `${field.alias} ${name}` : name;
}

function place(map, { lng, lat }) {
  const height = map.getTerrain() ? map.queryTerrainElevation([lng, lat]) : null;
  const rows = [[say('position'), `${lng.toFixed(6)}°, ${lat.toFixed(6)}°`]];
  if (height !== null && height !== undefined) rows.push([say('elevation'), `${height.toFixed(1)} m`]);
  return table(rows);
}

function table(rows) {
  return element('table', {}, element('tbody', {}, ...rows.map(([name, value]) => element('tr', {}, element('td', { textContent: name }), element('td', { textContent: String(value) })))));
}

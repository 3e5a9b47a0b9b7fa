// What lies under a click: every visible plan layer's attributes, with revision and date, the position and the ground's height.

import { dayOf } from './catalogue.js';
import { heightAt } from './height.js';
import { element, threeD } from './panel.js';
import { say, titleOf } from './words.js';

export function identify(map, stack, event, panel, toast) {
  const around = 3;
  const box = [[event.point.x - around, event.point.y - around], [event.point.x + around, event.point.y + around]];
  const layers = [...stack.entries.values()].filter((entry) => entry.visible && entry.dataset.kind === 'features').flatMap((entry) => entry.layers.map((layer) => layer.id));
  const found = new Map();
  for (const feature of layers.length ? map.queryRenderedFeatures(box, { layers }) : []) {
    const entry = stack.ownerOf(feature.layer.id);
    found.set(`${entry.dataset.slug}/${feature.id ?? JSON.stringify(feature.properties)}`, { entry, feature });
  }
  panel.replaceChildren(place(stack, event.lngLat));
  const standing = [...stack.entries.values()].filter(({ visible, dataset }) => visible && dataset.links?.tileset && within(dataset.bounds, event.lngLat));
  for (const { dataset } of standing) panel.append(heading(dataset), when(dataset), threeD(dataset, toast));
  if (found.size + standing.length === 0) panel.append(element('p', { className: 'empty', textContent: say('nothingHere') }));
  for (const { entry, feature } of found.values()) {
    const { dataset } = entry;
    panel.append(heading(dataset), when(dataset), table(Object.entries(feature.properties).filter(([, value]) => value !== '' && value !== null).map(([name, value]) => [aliasOf(dataset, name), value])));
  }
}

function aliasOf(dataset, name) {
  const field = dataset.properties?.fields?.find((candidate) => candidate.name === name);
  return field?.alias && field.alias !== name ? `${field.alias} ${name}` : name;
}

const heading = (dataset) => element('h3', { textContent: titleOf(dataset) });

function when({ revision }) {
  const parts = [`${say('revision')} ${revision?.id ?? '-'}`, `${say('validFrom')} ${dayOf(revision?.valid_from) || '-'}`];
  if (revision?.responsible_unit) parts.push(`${say('unit')} ${revision.responsible_unit}`);
  return element('p', { className: 'when', textContent: parts.join(' · ') });
}

const within = ([west, south, east, north], { lng, lat }) => lng >= west && lng <= east && lat >= south && lat <= north;

/** The position, and the delivered height of every elevation dataset that is on, each with its datum. */
function place(stack, lngLat) {
  const made = table([[say('position'), `${lngLat.lng.toFixed(6)}°, ${lngLat.lat.toFixed(6)}°`]]);
  for (const { visible, dataset } of stack.entries.values()) {
    if (!visible || dataset.kind !== 'elevation') continue;
    heightAt(dataset, lngLat).then((height) => {
      if (height === null) return;
      const datum = say(`height_${dataset.revision?.height_datum}`);
      made.tBodies[0].append(row([titleOf(dataset), `${height.toFixed(1)} m（${datum}）`]));
    }).catch((problem) => made.tBodies[0].append(row([titleOf(dataset), problem.message])));
  }
  return made;
}

const row = ([name, value]) => element('tr', {}, element('td', { textContent: name }), element('td', { textContent: String(value) }));

function table(rows) {
  return element('table', {}, element('tbody', {}, ...rows.map(row)));
}

// What lies at a place: attributes of the visible plan layers or, when asked, of every layer, with revision and date, the position and the ground's height.

import { element, empty, fill } from '../element.js';
import { read } from '../service.js';
import { dayOf, say, titleOf } from '../words.js';
import { heightAt } from './height.js';
import { threeD } from './layer-list.js';

/** Half the side of the box of a question to every layer, pixels. */
const AROUND_PX = 4;
/** The row's number in the delivered file: nobody's attribute. */
const ROW_NUMBER = 'fid';

export function identify(view, point, lngLat, panel, { all = false, onChoice }) {
  const { map, stack } = view;
  const choice = element('div', { className: 'tabs', role: 'group' }, ['visibleLayers', 'allLayers'].map((name) => element('button', { type: 'button', 'aria-pressed': String(all === (name === 'allLayers')), onclick: () => onChoice(name === 'allLayers') }, say(name))));
  fill(panel, choice, place(stack, lngLat));
  const standing = [...stack.entries.values()].filter(({ visible, dataset }) => (visible || all) && dataset.links?.tileset && within(dataset.bounds, lngLat));
  for (const { dataset } of standing) panel.append(heading(dataset), when(dataset), threeD(dataset));
  if (all) {
    everyLayer(view, point, lngLat, panel).catch((problem) => panel.append(empty(problem.message)));
    return;
  }
  const box = [[point.x - 3, point.y - 3], [point.x + 3, point.y + 3]];
  const layers = [...stack.entries.values()].filter((entry) => entry.visible && entry.dataset.kind === 'features').flatMap((entry) => entry.layers.map((layer) => layer.id));
  const found = new Map();
  for (const feature of layers.length ? map.queryRenderedFeatures(box, { layers }) : []) {
    const entry = stack.ownerOf(feature.layer.id);
    found.set(`${entry.dataset.slug}/${feature.id ?? JSON.stringify(feature.properties)}`, { entry, feature });
  }
  if (found.size + standing.length === 0) panel.append(empty(say('nothingHere')));
  for (const { entry, feature } of found.values()) show(panel, entry.dataset, feature.properties);
}

async function everyLayer(view, point, lngLat, panel) {
  const { map, datasets, datetime } = view;
  const [sw, ne] = [[-AROUND_PX, AROUND_PX], [AROUND_PX, -AROUND_PX]].map(([x, y]) => map.unproject([point.x + x, point.y + y]));
  const bbox = [sw.lng, sw.lat, ne.lng, ne.lat].map((degrees) => degrees.toFixed(9)).join(',');
  const asked = datasets.filter((dataset) => dataset.links?.features && within(dataset.bounds, lngLat));
  const wait = empty(say('asking', { n: asked.length }));
  panel.append(wait);
  let found = 0;
  await Promise.all(asked.map(async (dataset) => {
    try {
      const { features } = await read(dataset.links.features, { bbox, limit: 50, datetime });
      const here = features.filter((feature) => !/Polygon/.test(feature.geometry?.type) || contains(feature.geometry, [lngLat.lng, lngLat.lat]));
      found += here.length;
      for (const feature of here) show(panel, dataset, feature.properties);
    } catch (problem) {
      panel.append(heading(dataset), empty(problem.message));
    }
  }));
  if (found === 0) wait.textContent = say('nothingHere');
  else wait.textContent = say('foundIn', { n: found, layers: asked.length });
}

/** Whether a place is inside an area (rule of crossings; a place on the border may be either). */
function contains({ type, coordinates }, [x, y]) {
  const inside = (rings) => rings.reduce((odd, ring) => {
    for (let at = 0, before = ring.length - 1; at < ring.length; before = at, at += 1) {
      const [[x1, y1], [x2, y2]] = [ring[at], ring[before]];
      if ((y1 > y) !== (y2 > y) && x < ((x2 - x1) * (y - y1)) / (y2 - y1) + x1) odd = !odd;
    }
    return odd;
  }, false);
  return type === 'Polygon' ? inside(coordinates) : coordinates.some(inside);
}

function show(panel, dataset, properties) {
  panel.append(heading(dataset), when(dataset), table(Object.entries(properties || {}).filter(([name, value]) => value !== '' && value !== null && name !== ROW_NUMBER).map(([name, value]) => [aliasOf(dataset, name), value])));
}

export function aliasOf(dataset, name) {
  const field = dataset.properties?.fields?.find((candidate) => candidate.name === name);
  return field?.alias && field.alias !== name ? `${field.alias} ${name}` : name;
}

const heading = (dataset) => element('h3', {}, titleOf(dataset));

function when({ revision }) {
  const parts = [`${say('revision')} ${revision?.id ?? '-'}`, `${say('validFrom')} ${dayOf(revision?.valid_from) || '-'}`];
  if (revision?.responsible_unit) parts.push(`${say('unit')} ${revision.responsible_unit}`);
  return element('p', { className: 'when' }, parts.join(' · '));
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

const row = ([name, value]) => element('tr', {}, element('td', {}, name), element('td', {}, String(value)));

const table = (rows) => element('table', { className: 'attributes' }, element('tbody', {}, rows.map(row)));

// The page: a map of the catalogue. Wires the parts together and holds the little state they share.
// `?layers=a,b` shows just those, `?datetime=2024-05-01` a past day, `?terrain=1` the 3D ground, `?lang=en` English.

import * as maplibregl from '../vendor/maplibre-gl.mjs';
import { drawAddresses } from './addresses.js';
import { boundsOfAll, fetchDatasets, validDays } from './catalogue.js';
import { identify } from './identify.js';
import { LayerStack } from './layers.js';
import { drawLegend } from './legend.js';
import { drawLayerList } from './panel.js';
import { say, switchLanguage, titleOf, writeFixedWords } from './words.js';

const query = new URLSearchParams(location.search);
const by = (id) => document.getElementById(id);

/** A telephone: one panel at a time, opened from the foot of the map. */
const narrow = matchMedia('(max-width: 760px)');
const state = { datasets: [], days: [], datetime: query.get('datetime') };

const map = new maplibregl.Map({
  container: 'map',
  style: { version: 8, glyphs: new URL('glyphs/', document.baseURI).href + '{fontstack}/{range}.pbf', sprite: new URL('sprites/shikong', document.baseURI).href, sources: {}, layers: [{ id: 'ground', type: 'background', paint: { 'background-color': '#e6ecea' } }] },
  center: [109.74, 28.31], zoom: 10, maxPitch: 80, attributionControl: false, localIdeographFontFamily: false, hash: false,
});
map.addControl(new maplibregl.NavigationControl({ visualizePitch: true }), 'top-right');
map.addControl(new maplibregl.ScaleControl({ maxWidth: 120, unit: 'metric' }), 'bottom-right');
const attribution = new maplibregl.AttributionControl({ compact: false });
map.addControl(attribution, 'bottom-right');
const stack = new LayerStack(map);

function toast(text) {
  const box = by('toast');
  box.textContent = text;
  box.hidden = false;
  clearTimeout(toast.timer);
  toast.timer = setTimeout(() => { box.hidden = true; }, 4000);
}

function redraw() {
  drawLayerList(by('layer-list'), stack, by('layer-filter').value.trim(), { onChange: redraw, onZoom: zoomTo, toast });
  drawLegend(by('legend'), stack);
  if (!by('address-panel').hidden) drawAddresses(by('addresses'), state.datasets, toast);
}

/** What the panels leave of the map. */
function room() {
  return narrow.matches ? { left: 24, right: 24, top: 24, bottom: 140 } : { left: 346, right: 264, top: 36, bottom: 48 };
}

function zoomTo(dataset) {
  map.fitBounds(dataset.bounds, { padding: room(), duration: 600, maxZoom: 19 });
}

/** The opacity that a dataset starts with: the ground, the newest pictures, and those plan layers whose style says so. */
function firstView(dataset, style) {
  const asked = query.get('layers');
  const told = style?.metadata?.shikong?.first_view?.opacity;
  if (asked) return asked.split(',').includes(dataset.slug) ? told ?? 1 : 0;
  if (dataset.kind === 'features') return told ?? 0;
  if (dataset.kind === 'imagery') return hiddenByNewer(dataset) ? 0 : 1;
  return dataset.kind === 'basemap' ? 0 : 1;
}

/** Whether a newer picture covers all of this one. */
function hiddenByNewer({ bounds: [west, south, east, north], revision }) {
  return state.datasets.some((other) => other.kind === 'imagery' && (other.revision?.valid_from || '') > (revision?.valid_from || '')
    && other.bounds[0] <= west && other.bounds[1] <= south && other.bounds[2] >= east && other.bounds[3] >= north);
}

function applyTerrain(on) {
  const source = on ? stack.terrainSource() : null;
  map.setTerrain(source ? { source, exaggeration: 1 } : null);
  by('terrain-button').setAttribute('aria-pressed', String(Boolean(source)));
  return Boolean(source);
}

async function load(first) {
  const datasets = await fetchDatasets(state.datetime);
  if (first) state.days = validDays(state.datetime ? await fetchDatasets() : datasets);
  const terrain = Boolean(map.getTerrain());
  state.datasets = datasets;
  await stack.show(datasets, firstView);
  if (terrain) applyTerrain(true);
  redraw();
  drawTimeline();
}

function drawTimeline() {
  by('timeline').hidden = state.days.length < 2;
  const slider = by('timeline-slider');
  slider.max = state.days.length - 1;
  const at = state.datetime ? Math.max(0, state.days.findLastIndex((day) => day <= state.datetime)) : state.days.length - 1;
  slider.value = at;
  by('timeline-date').textContent = state.days[at] ? state.days[at] + (at === state.days.length - 1 ? `（${say('latest')}）` : '') : '';
  by('timeline-marks').replaceChildren(...[state.days[0], state.days.at(-1)].filter(Boolean).map((day) => Object.assign(document.createElement('span'), { textContent: day })));
}

function setLanguage() {
  writeFixedWords();
  document.title = `${say('subtitle')} · 时空 Shikong`;
  redraw();
  drawTimeline();
}

by('language-button').addEventListener('click', () => { switchLanguage(); setLanguage(); });
by('layer-filter').addEventListener('input', redraw);
by('terrain-button').addEventListener('click', () => {
  const on = applyTerrain(!map.getTerrain());
  map.easeTo({ pitch: on ? 60 : 0, duration: 600 });
});
by('address-button').addEventListener('click', (event) => {
  const panel = by('address-panel');
  panel.hidden = !panel.hidden;
  event.currentTarget.setAttribute('aria-pressed', String(!panel.hidden));
  redraw();
});
/** On a telephone: opens one of the panels and closes the others; null closes all. */
function openOnly(name) {
  for (const panel of ['layers', 'legend']) {
    const open = panel === name;
    by(`${panel}-panel`).classList.toggle('open', open);
    by(`${panel}-button`).setAttribute('aria-pressed', String(open));
  }
  if (name) by('identify-panel').hidden = true;
}
for (const name of ['layers', 'legend']) by(`${name}-button`).addEventListener('click', () => openOnly(by(`${name}-panel`).classList.contains('open') ? null : name));
for (const button of document.querySelectorAll('[data-close]')) {
  button.addEventListener('click', () => {
    by(button.dataset.close).hidden = true;
    document.body.classList.toggle('identifying', !by('identify-panel').hidden);
    by('address-button').setAttribute('aria-pressed', String(!by('address-panel').hidden));
  });
}
by('timeline-slider').addEventListener('change', async (event) => {
  const at = Number(event.target.value);
  state.datetime = at === state.days.length - 1 ? null : state.days[at];
  try { await load(false); } catch (problem) { toast(`${say('failed')}: ${problem.message}`); }
});
map.on('click', (event) => {
  openOnly(null);
  by('identify-panel').hidden = false;
  document.body.classList.add('identifying');
  identify(map, stack, event, by('identify'), toast);
});
map.on('error', (event) => toast(`${say('failed')}: ${event.error?.message || event.error}`));

writeFixedWords();
map.once('load', async () => {
  try {
    await load(true);
    setLanguage();
    const bounds = boundsOfAll(state.datasets);
    if (bounds) map.fitBounds(bounds, { padding: room(), duration: 0, maxZoom: 18 });
    const numbers = [...new Set(state.datasets.map((dataset) => dataset.revision?.map_approval_number).filter(Boolean))];
    if (numbers.length) map.addControl(new maplibregl.AttributionControl({ compact: false, customAttribution: `${say('mapNumber')} ${numbers.join(' ')}` }), 'bottom-right');
    if (query.get('terrain') === '1' && applyTerrain(true)) map.jumpTo({ pitch: 60 });
  } catch (problem) {
    toast(`${say('failed')}: ${problem.message}`);
  }
  map.once('idle', () => { document.body.dataset.ready = 'true'; });
});
// What a test or a curious planner's console may ask.
window.shikong = { map, stack, state, titleOf };

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
/** Plan layers that are on at first: enough to see a plan, few enough to see the ground. */
const FIRST_STYLES = ['admin', 'czkfbj', 'sthx', 'hazard-points', 'roads'];

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
  drawLayerList(by('layer-list'), stack, by('layer-filter').value.trim(), { onChange: redraw, onZoom: zoomTo });
  drawLegend(by('legend'), stack);
  if (!by('address-panel').hidden) drawAddresses(by('addresses'), state.datasets, toast);
}

function zoomTo(dataset) {
  map.fitBounds(dataset.bounds, { padding: { left: 350, right: 60, top: 60, bottom: 60 }, duration: 600, maxZoom: 19 });
}

function startsOn(dataset) {
  const asked = query.get('layers');
  if (asked) return asked.split(',').includes(dataset.slug);
  if (dataset.kind === 'features') return FIRST_STYLES.includes(dataset.properties?.style);
  return dataset.kind !== 'basemap';
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
  await stack.show(datasets, startsOn);
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
  by('identify-panel').hidden = false;
  document.body.classList.add('identifying');
  identify(map, stack, event, by('identify'));
});
map.on('error', (event) => toast(`${say('failed')}: ${event.error?.message || event.error}`));

writeFixedWords();
map.once('load', async () => {
  try {
    await load(true);
    setLanguage();
    const bounds = boundsOfAll(state.datasets);
    if (bounds) map.fitBounds(bounds, { padding: { left: 340, right: 40, top: 30, bottom: 30 }, duration: 0, maxZoom: 18 });
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

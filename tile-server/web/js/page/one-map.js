// 一张图: the catalogue on one to four linked maps, with layers by subject, legend, time, identify and statistics. The page is made once and kept, with what the reader has chosen.

import * as maplibregl from '../../vendor/maplibre-gl.mjs';
import { button, element, fill, toast } from '../element.js';
import { drawAddresses } from '../map/addresses.js';
import { fetchDatasets, validDays } from '../map/catalogue.js';
import { identify } from '../map/identify.js';
import { drawLayerList } from '../map/layer-list.js';
import { drawLegend } from '../map/legend.js';
import { Linked } from '../map/linked.js';
import { statisticsPanel } from '../map/statistics.js';
import { say } from '../words.js';

const query = new URLSearchParams(location.search);

/** A telephone: one panel at a time, opened from the foot of the map. */
const narrow = matchMedia('(max-width: 760px)');

/** Days on which something began to be valid. */
const state = { days: [], identified: null, all: false };
let parts = null;
let linked = null;

function build() {
  const panel = (id, title, closes, ...more) => {
    const body = element('div', { id: id.replace('-panel', '') });
    const aside = element('aside', { id, hidden: closes }, element('h2', {}, element('span', { 'data-say': title }), ...more, closes ? element('button', { className: 'close', type: 'button', 'data-say-title': 'close', onclick: () => show(id, false) }, '×') : null), body);
    return [aside, body];
  };
  const filter = element('input', { id: 'layer-filter', type: 'search', 'data-say-placeholder': 'filter', oninput: redraw });
  const [layers, layerList] = panel('layers-panel', 'layers', false, filter);
  const [legend, legendBody] = panel('legend-panel', 'legend', false);
  const [found, foundBody] = panel('identify-panel', 'identify', true);
  const [addresses, addressBody] = panel('address-panel', 'addresses', true);
  const [statistics, statisticsBody] = panel('statistics-panel', 'statistics', true);
  const modes = element('div', { id: 'view-modes', role: 'group', 'data-say-title': 'views' }, ['single', 'swipe', 'two', 'three', 'four'].map((mode) => element('button', { type: 'button', 'data-mode': mode, 'data-say': `view_${mode}`, onclick: () => setMode(mode) })));
  const tools = element('div', { id: 'map-tools', role: 'toolbar' }, modes,
    element('button', { id: 'terrain-button', type: 'button', 'aria-pressed': 'false', 'data-say': 'terrain3d', onclick: () => terrain(!linked.active.map.getTerrain(), true) }),
    element('button', { id: 'statistics-button', type: 'button', 'aria-pressed': 'false', 'data-say': 'statistics', onclick: () => show('statistics-panel', statistics.hidden) }),
    element('button', { id: 'address-button', type: 'button', 'aria-pressed': 'false', 'data-say': 'addresses', onclick: () => show('address-panel', addresses.hidden) }));
  const date = element('output', { id: 'timeline-date' });
  const slider = element('input', { id: 'timeline-slider', type: 'range', min: 0, step: 1, 'data-say-title': 'showing', oninput: (event) => { date.textContent = state.days[event.target.value]; }, onchange: (event) => toDay(Number(event.target.value)) });
  const marks = element('div', { id: 'timeline-marks' });
  const timeline = element('div', { id: 'timeline', hidden: true }, element('span', { 'data-say': 'showing' }), date, slider, marks);
  const openers = element('div', { id: 'openers' }, ['layers', 'legend'].map((name) => element('button', { id: `${name}-button`, type: 'button', 'aria-pressed': 'false', 'data-say': name, onclick: () => openOnly(parts[name].classList.contains('open') ? null : name) })));
  const cells = element('div', { id: 'map' });
  const root = element('div', { className: 'one-map' }, cells, tools, layers, legend, found, statistics, addresses, openers, timeline);
  parts = { root, cells, modes, layers, layerList, legend, legendBody, found, foundBody, addresses, addressBody, statistics, statisticsBody, filter, date, slider, marks, timeline };
}

/** Opens or closes one of the panels that close. */
function show(id, on) {
  const panel = { 'identify-panel': parts.found, 'address-panel': parts.addresses, 'statistics-panel': parts.statistics }[id];
  panel.hidden = !on;
  if (on && id !== 'identify-panel') for (const other of [parts.addresses, parts.statistics]) if (other !== panel) other.hidden = true;
  document.body.classList.toggle('identifying', !parts.found.hidden);
  document.getElementById('address-button').setAttribute('aria-pressed', String(!parts.addresses.hidden));
  document.getElementById('statistics-button').setAttribute('aria-pressed', String(!parts.statistics.hidden));
  if (!parts.addresses.hidden) drawAddresses(parts.addressBody, linked.active.datasets);
  if (on && id === 'statistics-panel') statisticsPanel(parts.statisticsBody, linked.active);
}

function redraw() {
  const view = linked.active;
  drawLayerList(parts.layerList, view.stack, parts.filter.value.trim(), { onChange: redraw, onZoom: (dataset) => view.fit(room(), dataset.bounds, 600) });
  drawLegend(parts.legendBody, view.stack);
  drawTimeline();
  for (const choice of parts.modes.children) choice.setAttribute('aria-pressed', String(choice.dataset.mode === linked.mode));
  document.getElementById('terrain-button')?.setAttribute('aria-pressed', String(Boolean(view.map.getTerrain())));
}

/** What the panels leave of the map. */
function room() {
  if (narrow.matches) return { left: 24, right: 24, top: 60, bottom: 150 };
  return linked.mode === 'single' ? { left: 346, right: 264, top: 60, bottom: 48 } : 30;
}

function terrain(on, tilt) {
  for (const view of linked.views) view.setTerrain(on);
  if (tilt) linked.active.map.easeTo({ pitch: on && linked.active.map.getTerrain() ? 60 : 0, duration: 600 });
  redraw();
}

async function setMode(mode) {
  try {
    const set = linked.setMode(mode);
    redraw();
    await set;
    if (linked.views[0].map.getTerrain()) terrain(true, false);
  } catch (problem) { toast(problem.message); }
  redraw();
}

function drawTimeline() {
  parts.timeline.hidden = state.days.length < 2;
  parts.slider.max = state.days.length - 1;
  const { datetime } = linked.active;
  const at = datetime ? Math.max(0, state.days.findLastIndex((day) => day <= datetime)) : state.days.length - 1;
  parts.slider.value = at;
  parts.date.textContent = state.days[at] ? state.days[at] + (at === state.days.length - 1 ? `（${say('latest')}）` : '') : '';
  fill(parts.marks, ...[state.days[0], state.days.at(-1)].filter(Boolean).map((day) => element('span', {}, day)));
}

async function toDay(at) {
  const view = linked.active;
  try {
    await view.load(at === state.days.length - 1 ? null : state.days[at]);
  } catch (problem) { toast(`${say('failed')}: ${problem.message}`); }
  linked.label();
  redraw();
}

/** On a telephone: opens one of the panels and closes the others; null closes all. */
function openOnly(name) {
  for (const panel of ['layers', 'legend']) {
    parts[panel].classList.toggle('open', panel === name);
    document.getElementById(`${panel}-button`)?.setAttribute('aria-pressed', String(panel === name));
  }
  if (name) show('identify-panel', false);
}

function ask(view, event) {
  openOnly(null);
  show('identify-panel', true);
  const answer = () => identify(view, event.point, event.lngLat, parts.foundBody, { all: state.all, onChoice: (all) => { state.all = all; answer(); } });
  answer();
}

async function first() {
  const view = linked.active;
  Object.assign(window.shikong, { map: view.map, stack: view.stack, linked, state });
  try {
    await view.load(query.get('datetime'));
    state.days = validDays(view.datetime ? await fetchDatasets() : view.datasets);
    redraw();
    view.fit(room());
    const numbers = [...new Set(view.datasets.map((dataset) => dataset.revision?.map_approval_number).filter(Boolean))];
    if (numbers.length) view.map.addControl(new maplibregl.AttributionControl({ compact: false, customAttribution: `${say('mapNumber')} ${numbers.join(' ')}` }), 'bottom-right');
    if (query.get('terrain') === '1' && view.setTerrain(true)) view.map.jumpTo({ pitch: 60 });
  } catch (problem) {
    toast(`${say('failed')}: ${problem.message}`);
  }
}

function words() {
  for (const part of parts.root.querySelectorAll('[data-say]')) part.textContent = say(part.dataset.say);
  for (const part of parts.root.querySelectorAll('[data-say-placeholder]')) part.placeholder = say(part.dataset.sayPlaceholder);
  for (const part of parts.root.querySelectorAll('[data-say-title]')) {
    part.title = say(part.dataset.sayTitle);
    part.setAttribute('aria-label', part.title);
  }
}

export const MAP_PAGE = {
  name: 'map',
  title: 'pageMap',
  async open(container) {
    const fresh = !parts;
    if (fresh) build();
    container.append(parts.root);
    words();
    if (fresh) {
      const asked = query.get('layers')?.split(',');
      linked = new Linked(parts.cells, { onActive: redraw, onClick: ask, firstView: asked ? (dataset, told) => (asked.includes(dataset.slug) ? told ?? 1 : 0) : null });
      await first();
    } else {
      linked.resize();
    }
    linked.label();
    redraw();
    const { map } = linked.active;
    const idle = () => { if (document.body.dataset.page === 'map') document.body.dataset.ready = 'true'; };
    if (map.loaded() && !map.isMoving()) idle();
    else {
      map.once('idle', idle);
      // What was drawn last may have been drawn before the listener came: only another picture says that nothing is left to do.
      map.triggerRepaint();
    }
    return () => document.body.classList.remove('identifying');
  },
};


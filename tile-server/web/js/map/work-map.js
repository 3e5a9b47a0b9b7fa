// A map beside a table: the catalogue's layers below, areas of the work above, the chosen one outlined and brought into view.

import { button, element, fill } from '../element.js';
import { say } from '../words.js';
import { drawLayerList } from './layer-list.js';
import { drawLegend } from './legend.js';
import { MapView } from './view.js';

const NOTHING = { type: 'FeatureCollection', features: [] };

/** Box of everything in GeoJSON coordinates, or null. */
export function boundsOf(geojson) {
  let box = null;
  const visit = (coordinates) => {
    if (typeof coordinates[0] === 'number') {
      const [x, y] = coordinates;
      box = box ? [Math.min(box[0], x), Math.min(box[1], y), Math.max(box[2], x), Math.max(box[3], y)] : [x, y, x, y];
    } else coordinates.forEach(visit);
  };
  const each = (part) => {
    if (!part) return;
    if (part.features) part.features.forEach(each);
    else if (part.geometries) part.geometries.forEach(each);
    else if (part.geometry) each(part.geometry);
    else if (part.coordinates) visit(part.coordinates);
  };
  each(geojson);
  return box;
}

/** Below work the catalogue is quiet: no points, no frames of models, and under a difference the units alone. */
function firstView(dataset, told, bare) {
  if (dataset.kind === 'mesh' || dataset.kind === 'point-cloud' || dataset.properties?.geometry === 'point') return 0;
  if (!bare) return told;
  if (dataset.kind === 'features') return dataset.properties?.style === 'admin' ? told : 0;
  return null;
}

export class WorkMap {
  /** `onPick(feature)` is told which area of the topmost set was clicked; `bare` leaves the plan layers off. */
  constructor(container, { onPick, bare = false } = {}) {
    this.container = container;
    this.sets = new Map();
    this.onPick = onPick;
    const canvas = element('div', { className: 'map-canvas', role: 'application' });
    this.panel = element('aside', { className: 'work-layers', hidden: true });
    this.switch = button(say('layers'), () => this.#toggle(), { className: 'work-layers-button', 'aria-pressed': 'false' });
    this.tools = element('div', { className: 'work-tools' }, this.switch);
    fill(container, canvas, this.tools, this.panel);
    this.view = new MapView(canvas, { firstView: (dataset, told) => firstView(dataset, told, bare) });
    this.map = this.view.map;
    Object.assign(window.shikong, { work: this });
    this.ready = this.view.load().then(() => {
      if (this.view.gone) return;
      this.view.fit(24);
      this.map.addSource('chosen', { type: 'geojson', data: NOTHING });
      this.map.addLayer({ id: 'chosen/fill', type: 'fill', source: 'chosen', filter: ['==', ['geometry-type'], 'Polygon'], paint: { 'fill-color': '#ffe45c', 'fill-opacity': 0.35 } });
      this.map.addLayer({ id: 'chosen/casing', type: 'line', source: 'chosen', paint: { 'line-color': '#ffffff', 'line-width': 6 } });
      this.map.addLayer({ id: 'chosen/line', type: 'line', source: 'chosen', paint: { 'line-color': '#e0148c', 'line-width': 3 } });
      this.map.addLayer({ id: 'chosen/point', type: 'circle', source: 'chosen', filter: ['==', ['geometry-type'], 'Point'], paint: { 'circle-color': '#e0148c', 'circle-radius': 7, 'circle-stroke-color': '#fff', 'circle-stroke-width': 2 } });
    });
    this.map.on('click', (event) => this.#pick(event));
    this.resizer = new ResizeObserver(() => this.map.resize());
    this.resizer.observe(container);
  }

  #toggle() {
    this.panel.hidden = !this.panel.hidden;
    this.switch.setAttribute('aria-pressed', String(!this.panel.hidden));
    if (!this.panel.hidden) this.#drawPanel();
  }

  #drawPanel() {
    const list = element('div');
    const legend = element('div', { className: 'legend' });
    const draw = () => {
      drawLayerList(list, this.view.stack, '', { onChange: draw, onZoom: (dataset) => this.view.fit(24, dataset.bounds, 400) });
      drawLegend(legend, this.view.stack);
      this.raise();
    };
    fill(this.panel, list, element('h3', {}, say('legend')), legend);
    draw();
  }

  /** A set of areas: filled in `colour` (a colour or an expression), outlined in `outline`. Shown again it is replaced; `top` keeps it above the others. */
  async setAreas(id, geojson, { colour = '#e0148c', opacity = 0.5, outline = colour, width = 1.4, pick = false, top = false, dash } = {}) {
    await this.ready;
    if (this.view.gone) return;
    this.sets.set(id, { geojson, pick, top });
    const source = this.map.getSource(id);
    if (source) {
      source.setData(geojson);
      this.map.setPaintProperty(`${id}/fill`, 'fill-color', colour);
      return;
    }
    this.map.addSource(id, { type: 'geojson', data: geojson });
    this.map.addLayer({ id: `${id}/fill`, type: 'fill', source: id, filter: ['==', ['geometry-type'], 'Polygon'], paint: { 'fill-color': colour, 'fill-opacity': opacity } });
    this.map.addLayer({ id: `${id}/line`, type: 'line', source: id, paint: { 'line-color': outline, 'line-width': width, ...(dash ? { 'line-dasharray': dash } : {}) } });
    this.map.addLayer({ id: `${id}/point`, type: 'circle', source: id, filter: ['==', ['geometry-type'], 'Point'], paint: { 'circle-color': outline, 'circle-radius': 6, 'circle-stroke-color': '#fff', 'circle-stroke-width': 2 } });
    this.raise();
  }

  /** The work lies above the catalogue: grids, sets of areas, the chosen area above all. */
  raise() {
    for (const { id } of this.map.getStyle().layers) if (id.startsWith('grid/')) this.map.moveLayer(id);
    const raised = [...this.sets].sort(([, a], [, b]) => a.top - b.top).map(([id]) => id);
    for (const id of [...raised, 'chosen']) for (const part of ['fill', 'casing', 'line', 'point']) if (this.map.getLayer(`${id}/${part}`)) this.map.moveLayer(`${id}/${part}`);
  }

  /** Outlines a feature and brings it into view; null for none. */
  async choose(feature, zoom = true) {
    await this.ready;
    if (this.view.gone) return;
    this.map.getSource('chosen').setData(feature || NOTHING);
    if (feature && zoom) this.zoom(boundsOf(feature));
  }

  zoom(bounds, duration = 500) {
    if (!bounds) return;
    const { clientWidth, clientHeight } = this.container;
    this.map.fitBounds(bounds, { padding: Math.min(90, Math.min(clientWidth, clientHeight) / 4), duration, maxZoom: 17.5 });
  }

  #pick(event) {
    if (this.busy || !this.onPick) return;
    const layers = [...this.sets].filter(([, { pick }]) => pick).map(([id]) => `${id}/fill`).filter((id) => this.map.getLayer(id));
    const [hit] = layers.length ? this.map.queryRenderedFeatures(event.point, { layers }) : [];
    if (hit) this.onPick(this.sets.get(hit.source).geojson.features.find((feature) => feature.id === hit.id || feature.properties === hit.properties) || hit);
  }

  remove() {
    this.resizer.disconnect();
    this.view.remove();
  }
}

// Datasets on the map: sources and layers of each kind, their order, visibility and opacity. One entry of KINDS per dataset kind.

import { absolute, read } from '../service.js';
import { titleOf } from '../words.js';
import { reliefLayer } from './grid-ramp.js';

/** Kinds from the bottom of the map to its top. */
export const KINDS = ['basemap', 'elevation', 'imagery', 'features', 'point-cloud', 'mesh', 'observations'];

const OPACITY_PROPERTIES = {
  raster: ['raster-opacity'], 'color-relief': ['color-relief-opacity'], hillshade: ['hillshade-exaggeration'], fill: ['fill-opacity'], line: ['line-opacity'],
  circle: ['circle-opacity', 'circle-stroke-opacity'], symbol: ['text-opacity'],
};

/** How much of the map a dataset covers, in square degrees. */
export function sizeOf({ bounds }) {
  return bounds ? (bounds[2] - bounds[0]) * (bounds[3] - bounds[1]) : 0;
}

/** Of one kind the wide ones lie below the small; areas below lines, lines below points. */
function bottomFirst(a, b) {
  const rank = ({ properties }) => ['polygon', 'line', 'point'].indexOf(properties?.geometry);
  return rank(a) - rank(b) || sizeOf(b) - sizeOf(a);
}

/** Multiplies an opacity, also inside a zoom curve (where `*` may not stand outside). */
function scaled(value, factor) {
  if (value === undefined) return factor;
  if (typeof value === 'number') return value * factor;
  if (Array.isArray(value) && value[0] === 'interpolate') return value.map((part, at) => (at > 3 && at % 2 === 0 ? scaled(part, factor) : part));
  return ['*', value, factor];
}

export class LayerStack {
  constructor(map) {
    this.map = map;
    this.entries = new Map();
    /** How datasets were left that another day does not know. */
    this.left = new Map();
    this.order = [];
  }

  /**
   * Puts datasets on the map; those already there with the same revision stay. `firstView(dataset, style)` says at which
   * opacity a new one starts, 0 for off.
   */
  async show(datasets, firstView) {
    const wanted = new Map(datasets.map((dataset) => [dataset.slug, dataset]));
    for (const slug of [...this.entries.keys()]) if (!wanted.has(slug)) this.#remove(slug);
    for (const kind of KINDS) {
      for (const dataset of datasets.filter((candidate) => candidate.kind === kind).sort(bottomFirst)) {
        const present = this.entries.get(dataset.slug);
        if (present && present.dataset.revision?.id === dataset.revision?.id) continue;
        const { visible, opacity } = present || this.left.get(dataset.slug) || {};
        const state = visible === undefined ? null : { visible, opacity };
        if (present) this.#remove(dataset.slug);
        await this.#add(dataset, state, firstView);
      }
    }
    this.#applyOrder();
  }

  async #add(dataset, state, firstView) {
    const entry = { dataset, visible: false, opacity: 1, ...state, layers: [], sources: [], style: null, problem: null };
    this.entries.set(dataset.slug, entry);
    if (!this.order.includes(dataset.slug)) this.#place(dataset);
    // Every analysis leaves some: what nobody looks at is not asked for.
    entry.asleep = Boolean(dataset.properties?.result_of) && !entry.visible;
    if (!entry.asleep) await this.#draw(entry, state ? null : firstView);
  }

  async #draw(entry, firstView) {
    const { dataset } = entry;
    try {
      const { sources, layers, style } = await describe(dataset);
      entry.style = style || null;
      if (firstView) {
        const opacity = firstView(dataset, entry.style);
        Object.assign(entry, { visible: opacity > 0, opacity: opacity || 1 });
      }
      for (const [id, source] of Object.entries(sources)) {
        this.map.addSource(id, source);
        entry.sources.push(id);
      }
      for (const layer of layers) {
        this.map.addLayer({ ...layer, layout: { ...layer.layout, visibility: entry.visible ? 'visible' : 'none' } });
        entry.layers.push({ id: layer.id, type: layer.type, paint: layer.paint || {} });
      }
      if (entry.opacity !== 1) this.setOpacity(dataset.slug, entry.opacity);
    } catch (problem) {
      entry.problem = problem.message;
    }
  }

  /** Finds a new dataset's place in the order, also among those that another day shows: a picture never covers a plan. */
  #place(dataset) {
    const known = (slug) => (this.entries.get(slug) || this.left.get(slug)).dataset;
    const above = this.order.findIndex((slug) => KINDS.indexOf(dataset.kind) - KINDS.indexOf(known(slug).kind) < 0 || (dataset.kind === known(slug).kind && bottomFirst(dataset, known(slug)) < 0));
    this.order.splice(above < 0 ? this.order.length : above, 0, dataset.slug);
  }

  #remove(slug) {
    const entry = this.entries.get(slug);
    for (const layer of entry.layers) if (this.map.getLayer(layer.id)) this.map.removeLayer(layer.id);
    for (const source of entry.sources) {
      if (this.map.getTerrain()?.source === source) this.map.setTerrain(null);
      if (this.map.getSource(source)) this.map.removeSource(source);
    }
    this.entries.delete(slug);
    this.left.set(slug, entry);
  }

  async setVisible(slug, visible) {
    const entry = this.entries.get(slug);
    entry.visible = visible;
    if (visible && entry.asleep) {
      entry.asleep = false;
      await this.#draw(entry, null);
      this.#applyOrder();
    }
    for (const layer of entry.layers) this.map.setLayoutProperty(layer.id, 'visibility', visible ? 'visible' : 'none');
  }

  setOpacity(slug, opacity) {
    const entry = this.entries.get(slug);
    entry.opacity = opacity;
    for (const layer of entry.layers) {
      // A name half gone is no name: words fade only when their layer is nearly gone.
      const factor = layer.type === 'symbol' ? Math.min(1, opacity * 2.5) : opacity;
      for (const property of OPACITY_PROPERTIES[layer.type] || []) this.map.setPaintProperty(layer.id, property, scaled(layer.paint[property] ?? (layer.type === 'hillshade' ? 0.5 : undefined), factor));
    }
  }

  /** Moves a dataset just above another in the drawing order. */
  moveAbove(slug, below) {
    this.order = this.order.filter((other) => other !== slug);
    this.order.splice(this.order.indexOf(below) + 1, 0, slug);
    this.#applyOrder();
  }

  /** Words above everything: a line across a name makes both unreadable. */
  #applyOrder() {
    const layers = this.order.flatMap((slug) => this.entries.get(slug)?.layers || []).filter((layer) => this.map.getLayer(layer.id));
    for (const words of [false, true]) for (const layer of layers) if ((layer.type === 'symbol') === words) this.map.moveLayer(layer.id);
  }

  /** Datasets from the top of the map to its bottom. */
  fromTop() {
    return [...this.order].reverse().map((slug) => this.entries.get(slug)).filter(Boolean);
  }

  /** The dataset that owns a map layer. */
  ownerOf(layerId) {
    for (const entry of this.entries.values()) if (entry.layers.some((layer) => layer.id === layerId)) return entry;
    return null;
  }

  /** Source of the widest elevation dataset, for the 3D ground: a map takes one. */
  terrainSource() {
    const entries = this.fromTop().filter((candidate) => candidate.dataset.kind === 'elevation' && !candidate.dataset.properties?.result_of && candidate.sources.length > 0);
    const widest = entries.sort((a, b) => sizeOf(b.dataset) - sizeOf(a.dataset))[0];
    return widest ? `${widest.dataset.slug}/ground` : null;
  }
}

/** Map sources and layers of one dataset. */
async function describe(dataset) {
  const { slug, links = {} } = dataset;
  switch (dataset.kind) {
    case 'imagery':
    case 'basemap':
      return {
        sources: { [slug]: { type: 'raster', url: absolute(links.tilejson), tileSize: 256 } },
        layers: [{ id: slug, type: 'raster', source: slug, paint: { 'raster-fade-duration': 150 } }],
      };
    case 'elevation': {
      const made = dataset.properties?.result_of;
      if (made) {
        const { min_height_m: low, max_height_m: high } = dataset.properties;
        return { sources: { [slug]: { type: 'raster-dem', url: absolute(links.terrain), tileSize: 256, encoding: 'terrarium' } }, layers: [reliefLayer(slug, made.name, [low, high])] };
      }
      const heights = { type: 'raster-dem', url: absolute(`${links.terrain}?gaps=fill`), tileSize: 256, encoding: 'terrarium' };
      return {
        // The ground in three dimensions asks for other levels than its shading does.
        sources: { [slug]: heights, [`${slug}/ground`]: heights },
        layers: [{ id: slug, type: 'hillshade', source: slug, paint: { 'hillshade-exaggeration': 0.5, 'hillshade-shadow-color': '#2f4a45', 'hillshade-highlight-color': '#ffffff' } }],
      };
    }
    case 'features': {
      const style = await read(links.style);
      const sources = {};
      for (const [name, source] of Object.entries(style.sources)) sources[`${slug}/${name}`] = { ...source, ...(source.url ? { url: absolute(source.url) } : {}) };
      const layers = style.layers.map((layer) => ({ ...layer, id: `${slug}/${layer.id}`, source: `${slug}/${layer.source}` }));
      return { sources, layers, style };
    }
    default: {
      const [west, south, east, north] = dataset.bounds || [0, 0, 0, 0];
      const ring = [[west, south], [east, south], [east, north], [west, north], [west, south]];
      // What stands in three dimensions is shown here by where it is; a mesh is named above its frame, points below theirs.
      const mesh = dataset.kind === 'mesh';
      const corner = { type: 'Feature', properties: { title: titleOf(dataset) }, geometry: { type: 'Point', coordinates: [west, mesh ? north : south] } };
      const frame = { type: 'Feature', properties: {}, geometry: { type: 'Polygon', coordinates: [ring] } };
      const color = mesh ? '#b45309' : '#6d28d9';
      const layer = (id, type, paint, rest) => ({ id: `${slug}/${id}`, type, source: slug, paint, ...rest });
      return {
        sources: { [slug]: { type: 'geojson', data: { type: 'FeatureCollection', features: [frame, corner] } } },
        layers: [
          layer('casing', 'line', { 'line-color': '#ffffff', 'line-width': 5, 'line-opacity': 0.75 }, { filter: ['==', ['geometry-type'], 'Polygon'] }),
          layer('line', 'line', { 'line-color': color, 'line-width': 2.2 }, { filter: ['==', ['geometry-type'], 'Polygon'] }),
          layer('label', 'symbol', { 'text-color': color, 'text-halo-color': '#ffffff', 'text-halo-width': 1.6 }, {
            filter: ['==', ['geometry-type'], 'Point'],
            layout: { 'text-field': ['get', 'title'], 'text-font': ['Noto Sans CJK SC Regular'], 'text-size': 13, 'text-anchor': mesh ? 'bottom-left' : 'top-left', 'text-offset': [0, mesh ? -0.3 : 0.3], 'text-max-width': 20 },
          }),
        ],
      };
    }
  }
}

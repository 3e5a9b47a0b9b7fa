// Datasets on the map: sources and layers of each kind, their order, visibility and opacity. One entry of KINDS per dataset kind.

import { absolute, fetchJson } from './catalogue.js';

/** Kinds from the bottom of the map to its top. */
export const KINDS = ['basemap', 'elevation', 'imagery', 'features', 'point-cloud', 'mesh', 'observations'];

const OPACITY_PROPERTIES = {
  raster: ['raster-opacity'], hillshade: ['hillshade-exaggeration'], fill: ['fill-opacity'], line: ['line-opacity'],
  circle: ['circle-opacity', 'circle-stroke-opacity'], symbol: ['text-opacity'],
};

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
    this.order = [];
  }

  /** Puts datasets on the map; those already there with the same revision stay. `isOn` says which new ones start visible. */
  async show(datasets, isOn) {
    const wanted = new Map(datasets.map((dataset) => [dataset.slug, dataset]));
    for (const slug of [...this.entries.keys()]) if (!wanted.has(slug)) this.#remove(slug);
    for (const kind of KINDS) {
      for (const dataset of datasets.filter((candidate) => candidate.kind === kind)) {
        const present = this.entries.get(dataset.slug);
        if (present && present.dataset.revision?.id === dataset.revision?.id) continue;
        const state = present ? { visible: present.visible, opacity: present.opacity } : { visible: isOn(dataset), opacity: 1 };
        if (present) this.#remove(dataset.slug, true);
        await this.#add(dataset, state);
      }
    }
    this.#applyOrder();
  }

  async #add(dataset, { visible, opacity }) {
    const entry = { dataset, visible, opacity, layers: [], sources: [], style: null, problem: null };
    this.entries.set(dataset.slug, entry);
    if (!this.order.includes(dataset.slug)) this.order.push(dataset.slug);
    try {
      const { sources, layers, style } = await describe(dataset);
      entry.style = style || null;
      for (const [id, source] of Object.entries(sources)) {
        this.map.addSource(id, source);
        entry.sources.push(id);
      }
      for (const layer of layers) {
        this.map.addLayer({ ...layer, layout: { ...layer.layout, visibility: visible ? 'visible' : 'none' } });
        entry.layers.push({ id: layer.id, type: layer.type, paint: layer.paint || {} });
      }
      if (opacity !== 1) this.setOpacity(dataset.slug, opacity);
    } catch (problem) {
      entry.problem = problem.message;
    }
  }

  #remove(slug, keepPlace = false) {
    const entry = this.entries.get(slug);
    for (const layer of entry.layers) if (this.map.getLayer(layer.id)) this.map.removeLayer(layer.id);
    for (const source of entry.sources) {
      if (this.map.getTerrain()?.source === source) this.map.setTerrain(null);
      if (this.map.getSource(source)) this.map.removeSource(source);
    }
    this.entries.delete(slug);
    if (!keepPlace) this.order = this.order.filter((other) => other !== slug);
  }

  setVisible(slug, visible) {
    const entry = this.entries.get(slug);
    entry.visible = visible;
    for (const layer of entry.layers) this.map.setLayoutProperty(layer.id, 'visibility', visible ? 'visible' : 'none');
  }

  setOpacity(slug, opacity) {
    const entry = this.entries.get(slug);
    entry.opacity = opacity;
    for (const layer of entry.layers) {
      for (const property of OPACITY_PROPERTIES[layer.type] || []) this.map.setPaintProperty(layer.id, property, scaled(layer.paint[property] ?? (layer.type === 'hillshade' ? 0.5 : undefined), opacity));
    }
  }

  /** Moves a dataset just above another in the drawing order. */
  moveAbove(slug, below) {
    this.order = this.order.filter((other) => other !== slug);
    this.order.splice(this.order.indexOf(below) + 1, 0, slug);
    this.#applyOrder();
  }

  #applyOrder() {
    for (const slug of this.order) for (const layer of this.entries.get(slug)?.layers || []) if (this.map.getLayer(layer.id)) this.map.moveLayer(layer.id);
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

  /** Source of the first elevation dataset, for the 3D ground. */
  terrainSource() {
    const entry = this.fromTop().find((candidate) => candidate.dataset.kind === 'elevation' && candidate.sources.length > 0);
    return entry ? entry.sources[0] : null;
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
    case 'elevation':
      return {
        sources: { [slug]: { type: 'raster-dem', url: absolute(links.terrain), tileSize: 256, encoding: 'terrarium' } },
        layers: [{ id: slug, type: 'hillshade', source: slug, paint: { 'hillshade-exaggeration': 0.5, 'hillshade-shadow-color': '#2f4a45', 'hillshade-highlight-color': '#ffffff' } }],
      };
    case 'features': {
      const style = await fetchJson(absolute(links.style));
      const sources = {};
      for (const [name, source] of Object.entries(style.sources)) sources[`${slug}/${name}`] = { ...source, ...(source.url ? { url: absolute(source.url) } : {}) };
      const layers = style.layers.map((layer) => ({ ...layer, id: `${slug}/${layer.id}`, source: `${slug}/${layer.source}` }));
      return { sources, layers, style };
    }
    default: {
      const [west, south, east, north] = dataset.bounds || [0, 0, 0, 0];
      const ring = [[west, south], [east, south], [east, north], [west, north], [west, south]];
      const data = { type: 'Feature', properties: {}, geometry: { type: 'Polygon', coordinates: [ring] } };
      const color = dataset.kind === 'mesh' ? '#d9822b' : '#7b5bd6';
      return {
        sources: { [slug]: { type: 'geojson', data } },
        layers: [
          { id: slug, type: 'line', source: slug, paint: { 'line-color': color, 'line-width': 2, 'line-dasharray': [3, 2] } },
        ],
      };
    }
  }
}

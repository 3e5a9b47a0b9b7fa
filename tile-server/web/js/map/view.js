// One map with a stack of datasets as valid at one moment. Several of them may stand side by side.

import * as maplibregl from '../../vendor/maplibre-gl.mjs';
import { toast } from '../element.js';
import { say } from '../words.js';
import { boundsOfAll, fetchDatasets } from './catalogue.js';
import { LayerStack } from './layers.js';

/** How often a tile is asked for again while the service says that it is busy. */
const MAX_TRIES = 5;

export class MapView {
  /** `places` are the controls' corners, `null` for none. */
  constructor(container, { datetime = null, navigation = 'top-right', scale = 'bottom-right', firstView = null } = {}) {
    this.datetime = datetime;
    this.datasets = [];
    this.asked = firstView;
    this.map = new maplibregl.Map({
      container,
      style: { version: 8, glyphs: new URL('glyphs/', document.baseURI).href + '{fontstack}/{range}.pbf', sprite: new URL('sprites/shikong', document.baseURI).href, sources: {}, layers: [{ id: 'ground', type: 'background', paint: { 'background-color': '#e6ecea' } }] },
      center: [109.74, 28.31], zoom: 10, maxPitch: 80, attributionControl: false, localIdeographFontFamily: false, hash: false,
    });
    if (navigation) this.map.addControl(new maplibregl.NavigationControl({ visualizePitch: true }), navigation);
    if (scale) {
      this.map.addControl(new maplibregl.ScaleControl({ maxWidth: 120, unit: 'metric' }), scale);
      this.map.addControl(new maplibregl.AttributionControl({ compact: false }), scale);
    }
    this.stack = new LayerStack(this.map);
    this.tries = new Map();
    this.map.on('error', (event) => this.#failed(event));
    this.ready = new Promise((done) => { this.map.once('load', done); });
  }

  /** A tile that the service was too busy for is asked for again when it said; anything else is told. */
  #failed({ error, tile, sourceId }) {
    const id = tile && `${sourceId}/${tile.tileID.key}`;
    const tried = this.tries.get(id) || 0;
    if (error?.status === 503 && tile && tried < MAX_TRIES) {
      this.tries.set(id, tried + 1);
      waitAsked(error.url).then(() => { if (!this.gone && this.map.getSource(sourceId)) this.map.refreshTiles(sourceId, [tile.tileID.canonical]); });
      return;
    }
    toast(`${say('failed')}: ${error?.message || error}`);
  }

  /** Shows what was valid at `datetime`, null for the latest. */
  async load(datetime = this.datetime) {
    await this.ready;
    this.datetime = datetime;
    const datasets = await fetchDatasets(datetime);
    if (this.gone) return;
    const terrain = Boolean(this.map.getTerrain());
    this.datasets = datasets;
    await this.stack.show(datasets, (dataset, style) => this.#firstView(dataset, style));
    if (terrain) this.setTerrain(true);
  }

  /** The opacity that a dataset starts with: the ground, the newest pictures, and those plan layers whose style says so. */
  #firstView(dataset, style) {
    // What an analysis made is shown where somebody asks for it.
    if (dataset.properties?.result_of) return 0;
    const told = style?.metadata?.shikong?.first_view?.opacity;
    const asked = this.asked?.(dataset, told);
    if (asked !== undefined && asked !== null) return asked;
    if (dataset.kind === 'features') return told ?? 0;
    if (dataset.kind === 'imagery') return this.#hiddenByNewer(dataset) ? 0 : 1;
    return dataset.kind === 'basemap' ? 0 : 1;
  }

  /** Whether a newer picture covers all of this one. */
  #hiddenByNewer({ bounds: [west, south, east, north], revision }) {
    return this.datasets.some((other) => other.kind === 'imagery' && (other.revision?.valid_from || '') > (revision?.valid_from || '')
      && other.bounds[0] <= west && other.bounds[1] <= south && other.bounds[2] >= east && other.bounds[3] >= north);
  }

  fit(padding = 24, bounds = boundsOfAll(this.datasets), duration = 0) {
    if (bounds) this.map.fitBounds(bounds, { padding, duration, maxZoom: 18.5 });
  }

  /** The ground in three dimensions; says whether there is one. */
  setTerrain(on) {
    const source = on ? this.stack.terrainSource() : null;
    this.map.setTerrain(source ? { source, exaggeration: 1 } : null);
    return Boolean(source);
  }

  remove() {
    this.gone = true;
    this.map.remove();
  }
}

/** Waits as long as the busy service asks for (`Retry-After`), two seconds where it no longer says. */
async function waitAsked(url) {
  const pause = (seconds) => new Promise((done) => { setTimeout(done, seconds * 1000); });
  await pause(1);
  const answer = await fetch(url, { method: 'HEAD' }).catch(() => null);
  if (answer?.status === 503) await pause(Math.min(60, Number(answer.headers.get('retry-after')) || 2));
}

// A grid that an analysis made, as colours over the map: differences of height from loss to gain, depths of water.

import { element } from '../element.js';
import { absolute } from '../service.js';
import { rampOf, reliefLayer } from '../map/grid-ramp.js';
import { say } from '../words.js';

/** Shows a job's grid; `detection` metres and less are left clear. Gives what takes it away. */
export async function showGrid(work, grid, { detection = 0.05, below } = {}) {
  await work.ready;
  if (work.view.gone || !grid?.range) return () => {};
  const id = `grid/${grid.name}`;
  const { map } = work;
  const ramp = rampOf(grid.name, grid.range, detection);
  hideGrid(work, grid.name);
  map.addSource(id, { type: 'raster-dem', url: absolute(`terrain/${grid.dataset}@${grid.revision}`), tileSize: 256, encoding: 'terrarium' });
  map.addLayer(reliefLayer(id, grid.name, grid.range, detection), below && map.getLayer(below) ? below : undefined);
  drawKey(work, grid, ramp, detection);
  return () => hideGrid(work, grid.name);
}

export function hideGrid(work, name) {
  const id = `grid/${name}`;
  if (work.map.getLayer(id)) work.map.removeLayer(id);
  if (work.map.getSource(id)) work.map.removeSource(id);
  work.container.querySelector(`.ramp-key[data-grid="${name}"]`)?.remove();
}

function drawKey(work, grid, { stops, step, most, diverging }, detection) {
  const from = diverging ? -most : 0;
  const share = (value) => ((value - from) / (most - from)) * 100;
  const gradient = stops.map(([value, colour]) => `${colour} ${share(value).toFixed(2)}%`).join(', ');
  const marks = [];
  for (let value = diverging ? -Math.floor(most / step) * step : 0; value <= most; value += step) marks.push(value);
  const digits = Math.max(0, -Math.floor(Math.log10(step)));
  const keys = work.container.querySelector('.ramp-keys') ?? work.container.appendChild(element('div', { className: 'ramp-keys' }));
  keys.append(element('div', { className: 'ramp-key', 'data-grid': grid.name },
    element('b', {}, say(`grid_${grid.name}`)),
    element('div', { className: 'ramp', style: `background: linear-gradient(to right, ${gradient})` }),
    element('div', { className: 'marks' }, marks.map((value) => element('span', { style: `left:${share(value).toFixed(2)}%` }, `${diverging && value > 0 ? '+' : ''}${value.toFixed(digits)}`))),
    diverging ? element('small', {}, say('rampHint', { m: detection.toFixed(2) })) : null));
}

// Drawing on a map: areas with corners that can be moved, and places. Click sets a corner, double click or Enter closes, Backspace takes the last one back, Escape gives up; corners can be dragged, a click on a side's middle adds one.

import { button, element } from '../element.js';
import { say } from '../words.js';

const NONE = { type: 'FeatureCollection', features: [] };
/** Nearer than this a click hits a corner, pixels. */
const NEAR_PX = 9;

/**
 * Starts drawing on a work map and gives `{ stop }`. `kind` is `polygon`, `line` or `point`. `onDone(rings)` gets closed rings (degrees, not repeated at the end), the
 * positions of a line, or one position for a point; `onGiveUp` nothing.
 */
export function draw(work, kind, { onDone, onGiveUp }) {
  const { map } = work;
  const rings = [[]];
  const least = kind === 'line' ? 2 : 3;
  let closed = kind === 'point';
  let dragged = null;
  work.busy = true;
  map.doubleClickZoom.disable();
  const canvas = map.getCanvas();
  canvas.style.cursor = 'crosshair';
  map.addSource('drawn', { type: 'geojson', data: NONE });
  map.addLayer({ id: 'drawn/fill', type: 'fill', source: 'drawn', filter: ['==', ['geometry-type'], 'Polygon'], paint: { 'fill-color': '#d01f2e', 'fill-opacity': 0.18 } });
  map.addLayer({ id: 'drawn/line', type: 'line', source: 'drawn', filter: ['!=', ['geometry-type'], 'Point'], paint: { 'line-color': '#d01f2e', 'line-width': 2.4 } });
  map.addLayer({ id: 'drawn/corner', type: 'circle', source: 'drawn', filter: ['==', ['geometry-type'], 'Point'], paint: { 'circle-color': ['case', ['get', 'middle'], '#ffb3b9', '#ffffff'], 'circle-radius': ['case', ['get', 'middle'], 4, 6], 'circle-stroke-color': '#d01f2e', 'circle-stroke-width': 2 } });

  const count = element('span', {});
  const finish = button(say('drawFinish'), () => done(), { className: 'primary' });
  const bar = element('div', { className: 'draw-bar' }, element('span', {}, say({ point: 'drawPointHint', line: 'drawLineHint' }[kind] || 'drawHint')), count,
    kind === 'point' ? null : button(say('drawUndo'), back), kind === 'polygon' ? button(say('drawPart'), nextPart) : null, finish, button(say('cancel'), () => { stop(); onGiveUp?.(); }));
  work.container.append(bar);

  function show() {
    const features = [];
    for (const ring of rings) {
      if (kind === 'polygon' && ring.length > 2) features.push({ type: 'Feature', properties: {}, geometry: { type: 'Polygon', coordinates: [[...ring, ring[0]]] } });
      else if (ring.length > 1) features.push({ type: 'Feature', properties: {}, geometry: { type: 'LineString', coordinates: ring } });
      for (const corner of ring) features.push({ type: 'Feature', properties: { middle: false }, geometry: { type: 'Point', coordinates: corner } });
      if (kind === 'polygon' && ring.length > 2) for (const [middle] of middles(ring)) features.push({ type: 'Feature', properties: { middle: true }, geometry: { type: 'Point', coordinates: middle } });
    }
    map.getSource('drawn')?.setData({ type: 'FeatureCollection', features });
    count.textContent = say('drawCount', { n: rings.reduce((all, ring) => all + ring.length, 0) });
    finish.disabled = kind === 'point' ? rings[0].length === 0 : !rings.some((ring) => ring.length >= least);
  }

  const middles = (ring) => ring.map((corner, at) => [[(corner[0] + ring[(at + 1) % ring.length][0]) / 2, (corner[1] + ring[(at + 1) % ring.length][1]) / 2], at + 1]);
  const near = (position, point) => {
    const { x, y } = map.project(position);
    return Math.hypot(x - point.x, y - point.y) < NEAR_PX;
  };

  function hit(point) {
    for (const ring of rings) {
      const corner = ring.findIndex((position) => near(position, point));
      if (corner >= 0) return { ring, corner };
      const middle = kind === 'polygon' && ring.length > 2 ? middles(ring).find(([position]) => near(position, point)) : null;
      if (middle) return { ring, middle: middle[1] };
    }
    return null;
  }

  function click(event) {
    const found = hit(event.point);
    const here = [event.lngLat.lng, event.lngLat.lat];
    if (kind === 'point') rings[0] = [here];
    else if (found?.middle) found.ring.splice(found.middle, 0, here);
    else if (found) { if (kind === 'polygon' && found.corner === 0 && found.ring === rings.at(-1) && found.ring.length > 2) closed = true; } else if (!closed) rings.at(-1).push(here);
    show();
  }

  function down(event) {
    const found = kind === 'point' ? null : hit(event.point);
    if (found?.corner === undefined) return;
    event.preventDefault();
    dragged = found;
  }

  function move(event) {
    if (!dragged) return;
    dragged.ring[dragged.corner] = [event.lngLat.lng, event.lngLat.lat];
    show();
  }

  const up = () => { dragged = null; };

  function back() {
    closed = false;
    const ring = rings.at(-1);
    if (ring.length) ring.pop();
    else if (rings.length > 1) rings.pop();
    show();
  }

  function nextPart() {
    if (rings.at(-1).length > 2) rings.push([]);
    closed = false;
  }

  function done() {
    if (finish.disabled) return;
    stop();
    onDone({ point: () => rings[0][0], line: () => rings[0] }[kind]?.() ?? rings.filter((ring) => ring.length > 2));
  }

  function key(event) {
    if (event.target.closest('input, textarea, select')) return;
    if (event.key === 'Enter') done();
    else if (event.key === 'Backspace') back();
    else if (event.key === 'Escape') { stop(); onGiveUp?.(); } else return;
    event.preventDefault();
  }

  function twice(event) {
    event.preventDefault();
    // The second click of the two has set the same corner once more.
    const ring = rings.at(-1);
    if (ring.length > least && near(ring.at(-2), map.project(ring.at(-1)))) ring.pop();
    closed = true;
    show();
  }

  function stop() {
    for (const [name, listener] of listeners) map.off(name, listener);
    removeEventListener('keydown', key);
    bar.remove();
    canvas.style.cursor = '';
    map.doubleClickZoom.enable();
    for (const layer of ['drawn/fill', 'drawn/line', 'drawn/corner']) if (map.getLayer(layer)) map.removeLayer(layer);
    if (map.getSource('drawn')) map.removeSource('drawn');
    work.busy = false;
  }

  const listeners = [['click', click], ['mousedown', down], ['touchstart', down], ['mousemove', move], ['touchmove', move], ['mouseup', up], ['touchend', up], ['dblclick', twice]];
  for (const [name, listener] of listeners) map.on(name, listener);
  addEventListener('keydown', key);
  show();
  return { stop };
}

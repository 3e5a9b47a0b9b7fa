// An area that somebody draws beside a form, as requests state it.

import { button, element } from '../element.js';
import { say } from '../words.js';
import { draw } from './draw.js';

/** Outer rings of an area of a request, corners not repeated at the end; null where there is none. */
const ringsOf = (area) => area?.parcels?.flatMap(({ polygons }) => polygons.map(([outer]) => outer.slice(0, -1))) ?? null;

/** An area drawn on the map beside the form: the whole overlap until something is drawn. */
export function drawnArea(work, given = null) {
  let rings = ringsOf(given);
  const told = element('span', { className: 'hint' }, say(rings ? 'marked' : 'areaWhole'));
  const show = () => work.setAreas('asked', { type: 'FeatureCollection', features: (rings || []).map((ring) => ({ type: 'Feature', properties: {}, geometry: { type: 'Polygon', coordinates: [[...ring, ring[0]]] } })) }, { colour: '#0f6e6e', opacity: 0.08, width: 2.4, dash: [2, 1.5] });
  const take = (drawn) => { rings = drawn; told.textContent = say(drawn ? 'marked' : 'areaWhole'); show(); };
  if (rings) show();
  return {
    node: element('div', { className: 'buttons' }, button(say('markArea'), () => draw(work, 'polygon', { onDone: take })), button(say('areaWhole'), () => take(null)), told),
    value: () => rings && { crs: 'EPSG:4490', parcels: rings.map((ring) => ({ name: say('markArea'), polygons: [[[...ring, ring[0]]]] })) },
  };
}

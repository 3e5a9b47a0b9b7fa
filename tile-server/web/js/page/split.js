// A page of work: content at the left (below on a telephone) and a map beside it.

import { element, fill } from '../element.js';
import { WorkMap } from '../map/work-map.js';

export function split(container, { onPick, bare } = {}) {
  const content = element('section', { className: 'content' });
  const place = element('section', { className: 'beside' });
  fill(container, element('div', { className: 'split' }, content, place));
  const work = new WorkMap(place, { onPick, bare });
  return { content, work, close: () => work.remove() };
}

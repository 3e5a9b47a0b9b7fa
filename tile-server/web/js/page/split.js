// A page of work: content at the left (below on a telephone) and a map beside it.

import { element } from '../element.js';
import { WorkMap } from '../map/work-map.js';

export function split(container, { onPick } = {}) {
  const content = element('section', { className: 'content' });
  const place = element('section', { className: 'beside' });
  container.replaceChildren(element('div', { className: 'split' }, content, place));
  const work = new WorkMap(place, { onPick });
  return { content, work, close: () => work.remove() };
}

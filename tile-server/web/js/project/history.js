// The events of a project: who did what, when, on which data. They are read only; nobody can change them.

import { decimal } from '../decimal.js';
import { button, element, empty, fill } from '../element.js';
import { read } from '../service.js';
import { minuteOf, say, sayCode } from '../words.js';

const FEW = 8;

export async function history(place, path) {
  const { events = [] } = await read(`${path}/events`, { limit: 1000 });
  const list = [...events].reverse();
  const draw = (shown) => {
    fill(place, element('ol', { className: 'timeline-list' }, list.slice(0, shown).map(entry)), list.length > shown ? button(say('more'), () => draw(list.length)) : '');
    if (list.length === 0) fill(place, empty(say('nothing')));
  };
  draw(FEW);
}

function entry({ kind, at, by, unit, from, to, detail = {} }) {
  const said = kind === 'sign' ? detail.opinion || {} : detail;
  const words = [
    said.verdict ? sayCode(kind === 'check' ? 'verdict' : 'opinion', said.verdict) : null,
    kind === 'decide' ? sayCode('state', to) : null,
    typeof said.text === 'string' ? said.text : null,
    kind === 'send' ? (detail.units || []).map(({ name, id, days }) => `${name || id}${days === undefined || days === null ? '' : ` ${days} ${say('workingDays')}`}`).join('；') : null,
    kind === 'red_line' ? [detail.source?.name, `${say('version')} ${detail.version}`, `${say('plane')} ${decimal(detail.plane_m2)} m²`, `${say('ellipsoidal')} ${decimal(detail.ellipsoidal_m2)} m²`].filter(Boolean).join(' · ') : null,
    kind === 'number' ? `${sayCode('number', detail.kind)} ${detail.number}` : null,
  ].filter(Boolean);
  return element('li', { 'data-event': kind }, element('b', {}, sayCode('event', kind)), from === to || !to ? null : element('span', { className: 'hint' }, ` → ${sayCode('state', to)}`),
    element('small', {}, [minuteOf(at), by?.name, unit?.name].filter(Boolean).join(' · ')), words.map((line) => element('p', {}, line)));
}

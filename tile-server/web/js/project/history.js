// The events of a project: who did what, when, on which data. They are read only; nobody can change them.

import { button, element, empty } from '../element.js';
import { read } from '../service.js';
import { dayOf, minuteOf, say, sayCode, told } from '../words.js';

const FEW = 8;

export async function history(place, path) {
  const { events = [] } = await read(`${path}/events`, { limit: 1000 });
  const list = [...events].reverse();
  const draw = (shown) => {
    place.replaceChildren(element('ol', { className: 'timeline-list' }, list.slice(0, shown).map(entry)), list.length > shown ? button(say('more'), () => draw(list.length)) : '');
    if (list.length === 0) place.replaceChildren(empty(say('nothing')));
  };
  draw(FEW);
}

function entry(event) {
  const body = event.body || event.details || event;
  const by = event.by || event.actor || {};
  const who = [by.account?.name || by.display_name || by.name, by.unit?.name].filter(Boolean).join(' · ');
  const words = [body.text, told(body, 'message'), body.verdict ? sayCode('opinion', body.verdict) : null, body.units?.map((unit) => [unit.unit?.name || unit.name || unit.id, unit.due ? `${say('due')} ${dayOf(unit.due)}` : ''].join(' ')).join('；'), body.number, body.source?.name].filter((value) => typeof value === 'string' && value);
  return element('li', {}, element('b', {}, sayCode('event', event.kind || event.action)), element('small', {}, `${minuteOf(event.at)} · ${who || '–'}`), words.length ? element('p', {}, words.join('\n')) : null);
}

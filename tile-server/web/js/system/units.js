// Units: the county and the departments below it.

import { badge, button, dialog, element, fill, table, toast } from '../element.js';
import { conflict } from '../conflict.js';
import { changed, form } from '../form.js';
import { may } from '../person.js';
import { part, read, send } from '../service.js';
import { say } from '../words.js';

export async function unitsPart(place) {
  const { units = [] } = await read('units');
  const again = () => unitsPart(place);
  const depth = (unit, steps = 0) => (unit?.parent && steps < 20 ? depth(units.find(({ id }) => id === unit.parent), steps + 1) : steps);
  const children = (parent) => units.filter((unit) => (unit.parent || null) === parent).flatMap((unit) => [unit, ...children(unit.id)]);
  const ordered = children(null);
  fill(place,
    element('div', { className: 'top-row' }, element('h1', {}, say('system_units')), may('admin') ? button(say('newUnit'), () => make(units, again), { className: 'primary' }) : null),
    table([
      { title: say('department'), cell: (unit) => element('span', { style: `padding-left:${depth(unit) * 22}px` }, unit.name) },
      { title: say('identifier'), cell: (unit) => unit.id },
      { title: say('state'), cell: (unit) => badge(say(unit.active === false ? 'inactive' : 'active'), unit.active === false ? 'plain' : 'pass') },
      ...(may('admin') ? [{ title: '', cell: (unit) => button(say('edit'), () => change(unit, units, again)) }] : []),
    ], ordered.length === units.length ? ordered : units, { className: 'cards' }));
}

const parents = (units, own) => [['', say('none')], ...units.filter(({ id }) => id !== own).map(({ id, name }) => [id, name])];

function make(units, again) {
  const made = dialog(say('newUnit'), form([
    { name: 'name', label: say('department'), required: true },
    { name: 'id', label: say('identifier'), hint: say('identifierHint'), pattern: '[a-z0-9][a-z0-9-]{0,62}' },
    { name: 'parent', label: say('parentUnit'), type: 'select', options: parents(units), value: units.find(({ parent }) => !parent)?.id },
  ], {
    submit: say('newUnit'),
    done: async ({ name, id, parent }, key) => {
      await send('POST', 'units', { name, ...(id ? { id } : {}), ...(parent ? { parent } : {}) }, { key });
      made.close();
      await again();
    },
  }));
}

function change(unit, units, again) {
  const fields = [
    { name: 'name', label: say('department'), required: true, value: unit.name },
    { name: 'parent', label: say('parentUnit'), type: 'select', options: parents(units, unit.id), value: unit.parent || '' },
    { name: 'active', label: say('active'), type: 'checkbox', value: unit.active !== false },
  ];
  const made = dialog(`${say('edit')} · ${unit.name}`, form(fields, {
    submit: say('save'),
    done: async (values) => {
      await conflict(unit, (version) => send('PATCH', `units/${part(unit.id)}`, { version, ...changed(fields, values) }));
      made.close();
      toast(say('saved'));
      await again();
    },
  }));
}

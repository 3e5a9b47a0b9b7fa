// 差异图斑台账: the patches of a finished difference as rows that are assigned, answered and resolved, each change under its version.

import { badge, button, dialog, element, empty, fill, table, toast } from '../element.js';
import { conflict } from '../conflict.js';
import { count, decimal } from '../decimal.js';
import { form } from '../form.js';
import { may } from '../person.js';
import { absolute, part, read, send } from '../service.js';
import { minuteOf, say, sayCode } from '../words.js';
import { className } from './result.js';

const STATES = ['open', 'assigned', 'resolved', 'gone'];
const ROWS = 200;

export async function ledger(place, work, job, patches) {
  fill(place, empty(say('loading')));
  const filter = { state: '', unit: '' };
  let units = [];
  let columns = [];
  const draw = async () => {
    const answer = await read('ledger', { job: job.id, ...filter, limit: 5000 });
    const { rows = [], matched = rows.length } = answer;
    columns = answer.columns || columns;
    const choice = (key, options) => element('select', { 'aria-label': say(key), onchange: (event) => { filter[key] = event.target.value; draw().catch(tell); } }, element('option', { value: '' }, say('all')), options.map(([value, title]) => element('option', { value, selected: filter[key] === value }, title)));
    if (rows.length === 0 && !filter.state && !filter.unit) {
      fill(place, empty(say('noLedger')), may('lead_officer') ? button(say('makeLedger'), async () => { await send('POST', 'ledger', { job: job.id }); draw().catch(tell); }, { className: 'primary' }) : '');
      return;
    }
    fill(place,
      element('div', { className: 'filters' }, element('label', {}, say('state'), choice('state', STATES.map((state) => [state, sayCode('ledger', state)]))), element('label', {}, say('department'), choice('unit', units.map(({ id, name }) => [id, name]))),
        element('a', { href: absolute(`ledger/documents/ledger.xlsx?job=${part(job.id)}`), download: '' }, say('ledgerFile'))),
      element('p', { className: 'hint' }, say('ledgerTally', { n: count(matched) })),
      element('div', { id: 'ledger-rows' }, table([
        { title: say('patchId'), cell: (row) => row.patch },
        { title: say('classes'), cell: (row) => className((row.properties || {})) },
        { title: say('ellipsoidal_m2'), number: true, cell: (row) => decimal((row.properties || {}).ellipsoidal_m2) },
        { title: say('department'), cell: (row) => row.unit?.name || '–' },
        { title: say('state'), cell: (row) => badge(sayCode('ledger', row.state), row.state === 'resolved' ? 'pass' : row.state === 'open' ? 'warn' : 'plain') },
        { title: '', cell: (row) => element('div', { className: 'buttons' }, button(say('edit'), () => edit(row)), button(say('history'), () => past(row).catch((problem) => toast(problem.message)))) },
      ], rows.slice(0, ROWS), { className: 'cards', onRow: (row) => work.choose(row.geometry ? { type: 'Feature', properties: {}, geometry: row.geometry } : patches.find(({ id, properties }) => id === row.patch || properties.DKBH === row.patch) || null) })));
  };
  const tell = (problem) => fill(place, element('p', { className: 'problem' }, problem.message));

  async function past(row) {
    const { events = [] } = await read(`ledger/${part(row.id)}/events`);
    dialog(`${say('history')} · ${row.patch}`, element('ol', { className: 'timeline-list' }, [...events].reverse().map(({ kind, at, by, unit, detail = {} }) => element('li', {}, element('b', {}, sayCode('ledger_event', kind)), element('small', {}, [minuteOf(at), by?.name, unit?.name].filter(Boolean).join(' · ')),
      [detail.unit === undefined ? null : `${say('assignTo')} ${units.find(({ id }) => id === detail.unit)?.name || detail.unit || '–'}`, ...Object.entries(detail.opinions || {}).map(([name, words]) => `${columns.find((column) => column.name === name)?.title || name}：${words}`), detail.resolved === undefined ? null : sayCode('ledger', detail.resolved ? 'resolved' : 'open')].filter(Boolean).map((line) => element('p', {}, line))))));
  }

  function edit(row) {
    const opinions = row.opinions || {};
    const lead = may('lead_officer');
    const made = dialog(say('ledgerRow'), form([
      lead ? { name: 'unit', label: say('assignTo'), type: 'select', options: [['', say('none')], ...units.map(({ id, name }) => [id, name])], value: row.unit?.id || '' } : null,
      ...columns.map(({ name, title }) => ({ name, label: title, value: opinions[name] || '', maxLength: 2000 })),
      { name: 'resolved', label: say('ledger_resolved'), type: 'checkbox', value: row.state === 'resolved' },
    ], {
      submit: say('save'),
      className: 'two',
      done: async ({ unit, resolved, ...texts }) => {
        const changed = Object.fromEntries(Object.entries(texts).filter(([name, value]) => value !== (opinions[name] || '')));
        const change = (version) => send('PATCH', `ledger/${part(row.id)}`, {
          version,
          ...(unit === undefined || unit === (row.unit?.id || '') ? {} : { unit }),
          ...(Object.keys(changed).length ? { opinions: changed } : {}),
          ...(resolved === (row.state === 'resolved') ? {} : { resolved }),
        });
        await conflict(row, change, Object.fromEntries(columns.map(({ name, title }) => [name, title])));
        made.close();
        toast(say('saved'));
        await draw();
      },
    }));
  }

  try {
    ({ units = [] } = await read('units').catch(() => ({})));
    await draw();
  } catch (problem) { tell(problem); }
}

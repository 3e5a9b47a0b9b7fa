// 差异图斑台账: the patches of a finished difference as rows that are assigned, answered and resolved, each change under its version.

import { badge, button, dialog, element, empty, fill, table, toast } from '../element.js';
import { conflict } from '../conflict.js';
import { count, decimal } from '../decimal.js';
import { form } from '../form.js';
import { may } from '../person.js';
import { absolute, part, read, send } from '../service.js';
import { say, sayCode } from '../words.js';
import { className } from './result.js';

const STATES = ['open', 'assigned', 'resolved', 'gone'];
const ROWS = 200;
/** The columns of opinions, as coordination offices keep them (difference patch schema). */
const OPINIONS = ['CGTZ', 'TGTZ', 'XTFS', 'TZYY', 'QZFTZYJ', 'LDXZBGS', 'SZFYJ', 'BZ'];

export async function ledger(place, work, job, patches) {
  fill(place, empty(say('loading')));
  const filter = { state: '', unit: '' };
  let units = [];
  const draw = async () => {
    const { rows = [] } = await read('ledger', { job: job.id, ...filter, limit: 1000 });
    const choice = (key, options) => element('select', { 'aria-label': say(key), onchange: (event) => { filter[key] = event.target.value; draw().catch(tell); } }, element('option', { value: '' }, say('all')), options.map(([value, title]) => element('option', { value, selected: filter[key] === value }, title)));
    if (rows.length === 0 && !filter.state && !filter.unit) {
      fill(place, empty(say('noLedger')), may('lead_officer') ? button(say('makeLedger'), async () => { await send('POST', 'ledger', { job: job.id }); draw().catch(tell); }, { className: 'primary' }) : '');
      return;
    }
    fill(place,
      element('div', { className: 'filters' }, element('label', {}, say('state'), choice('state', STATES.map((state) => [state, sayCode('ledger', state)]))), element('label', {}, say('department'), choice('unit', units.map(({ id, name }) => [id, name]))),
        element('a', { href: absolute(`ledger/export/ledger.xlsx?job=${part(job.id)}`), download: '' }, say('ledgerFile'))),
      element('p', { className: 'hint' }, say('ledgerTally', { n: count(rows.length) })),
      table([
        { title: say('patchId'), cell: (row) => row.patch },
        { title: say('classes'), cell: (row) => className((row.properties || {})) },
        { title: say('ellipsoidal_m2'), number: true, cell: (row) => decimal((row.properties || {}).ellipsoidal_m2) },
        { title: say('department'), cell: (row) => row.unit?.name || '–' },
        { title: say('state'), cell: (row) => badge(sayCode('ledger', row.state), row.state === 'resolved' ? 'pass' : row.state === 'open' ? 'warn' : 'plain') },
        { title: '', cell: (row) => button(say('edit'), () => edit(row)) },
      ], rows.slice(0, ROWS), { className: 'cards', onRow: (row) => work.choose(row.geometry ? { type: 'Feature', properties: {}, geometry: row.geometry } : patches.find(({ id, properties }) => id === row.patch || properties.DKBH === row.patch) || null) }));
  };
  const tell = (problem) => fill(place, element('p', { className: 'problem' }, problem.message));

  function edit(row) {
    const opinions = row.opinions || {};
    const lead = may('lead_officer');
    const made = dialog(say('ledgerRow'), form([
      lead ? { name: 'unit', label: say('assignTo'), type: 'select', options: [['', say('none')], ...units.map(({ id, name }) => [id, name])], value: row.unit?.id || '' } : null,
      ...OPINIONS.map((name) => ({ name, label: say(`ledger_${name}`), type: 'textarea', rows: 2, value: opinions[name] || '' })),
      { name: 'resolved', label: say('ledger_resolved'), type: 'checkbox', value: row.state === 'resolved' },
    ], {
      submit: say('save'),
      done: async ({ unit, resolved, ...texts }) => {
        const changed = Object.fromEntries(Object.entries(texts).filter(([name, value]) => value !== (opinions[name] || '')));
        const change = (version) => send('PATCH', `ledger/${part(row.id)}`, {
          version,
          ...(unit === undefined || unit === (row.unit?.id || '') ? {} : { unit }),
          ...(Object.keys(changed).length ? { opinions: changed } : {}),
          ...(resolved === (row.state === 'resolved') ? {} : { resolved }),
        });
        await conflict(row, change);
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

// Accounts: made with a one-time password, changed, locked out and let in again. Nobody is deleted: their opinions stay signed.

import { badge, button, copy, dialog, element, fill, table, toast } from '../element.js';
import { conflict } from '../conflict.js';
import { changed, form } from '../form.js';
import { may } from '../person.js';
import { part, read, send } from '../service.js';
import { say, sayCode } from '../words.js';

const ROLES = ['admin', 'lead_officer', 'officer', 'head', 'viewer'];

export async function peoplePart(place) {
  const [{ accounts = [] }, { units = [] }] = await Promise.all([read('accounts', { limit: 1000 }), read('units')]);
  const again = () => peoplePart(place);
  fill(place,
    element('div', { className: 'top-row' }, element('h1', {}, say('system_people')), may('admin') ? button(say('newAccount'), () => make(units, again), { className: 'primary' }) : null),
    table([
      { title: say('account'), cell: (account) => account.name },
      { title: say('name'), cell: (account) => account.display_name },
      { title: say('department'), cell: (account) => account.unit?.name || '–' },
      { title: say('roles'), cell: (account) => (account.roles || []).map((role) => sayCode('role', role)).join('、') },
      { title: say('state'), cell: (account) => [account.active === false ? badge(say('inactive'), 'plain') : badge(say('active'), 'pass'), account.locked ? badge(say('locked'), 'fail') : null, account.must_change_password ? badge(say('firstLogin'), 'warn') : null] },
      ...(may('admin') ? [{ title: '', cell: (account) => button(say('edit'), () => change(account, units, again)) }] : []),
    ], accounts, { className: 'cards' }));
}

const fields = (units, account = {}) => [
  { name: 'display_name', label: say('name'), required: true, value: account.display_name },
  { name: 'unit', label: say('department'), type: 'select', options: units.filter(({ active }) => active !== false).map(({ id, name }) => [id, name]), value: account.unit?.id },
  { name: 'roles', label: say('roles'), type: 'checks', options: ROLES.map((role) => [role, sayCode('role', role)]), value: account.roles || ['officer'] },
];

function make(units, again) {
  const made = dialog(say('newAccount'), form([{ name: 'name', label: say('account'), required: true, hint: say('accountHint'), autocomplete: 'off' }, ...fields(units)], {
    submit: say('newAccount'),
    done: async (values, key) => {
      const answer = await send('POST', 'accounts', values, { key });
      made.close();
      tellPassword(values.name, answer.password || answer.one_time_password);
      await again();
    },
  }));
}

/** A one-time password is shown once, to be handed over. */
function tellPassword(name, password) {
  if (!password) return;
  dialog(say('oneTimePassword'), element('p', {}, say('oneTimeHint', { name })), element('p', {}, element('code', { className: 'one-time' }, password), ' ', button(say('copy'), () => copy(password))));
}

function change(account, units, again) {
  const own = [...fields(units, account), { name: 'active', label: say('active'), type: 'checkbox', value: account.active !== false }];
  const write = async (values) => {
    const answer = await conflict(account, (version) => send('PATCH', `accounts/${part(account.id)}`, { version, ...values }));
    made.close();
    toast(say('saved'));
    tellPassword(account.name, answer?.password || answer?.one_time_password);
    await again();
  };
  const tell = (problem) => toast(problem.message);
  const made = dialog(`${say('edit')} · ${account.name}`, form(own, { submit: say('save'), done: (values) => write(changed(own, values)) }),
    element('div', { className: 'buttons' }, button(say('resetPassword'), () => write({ reset_password: true }).catch(tell)), account.locked ? button(say('unlock'), () => write({ unlock: true }).catch(tell)) : null));
}

// Who is acting: the account of the session, logging in and out, one's own password. What a person may do is the service's to say; the page only leaves out what it would refuse.

import { button, dialog, element, facts, fill, toast } from './element.js';
import { form } from './form.js';
import { read, send } from './service.js';
import { say, sayCode } from './words.js';

/** The account that acts, or none; `open` where the service runs without accounts. */
export const person = { account: null, open: false };

/** Whether the person has one of the roles. The administrator has no say in projects. */
export const may = (...roles) => Boolean(person.account?.roles?.some((role) => roles.includes(role)));

/** Whether the person speaks for a unit; in the demonstration for every one. */
export const isOf = (unitId) => person.open || person.account?.unit?.id === unitId;

export async function refreshPerson() {
  let mustChange = false;
  try {
    const { account, open } = await read('me');
    // Whoever still has a one-time password may do nothing but change it.
    if (account?.must_change_password) mustChange = true;
    Object.assign(person, { account: account?.must_change_password ? null : account || null, open: Boolean(open) });
  } catch (problem) {
    Object.assign(person, { account: null, open: false });
    if (problem.status !== 401) toast(problem.message);
  }
  dispatchEvent(new Event('shikong-person'));
  if (mustChange) changePassword(true);
}

export function personMenu() {
  const { account, open } = person;
  if (!account) return logIn();
  const made = dialog(say('myAccount'), facts([[say('name'), account.display_name], [say('account'), account.name], [say('department'), account.unit?.name], [say('roles'), (account.roles || []).map((role) => sayCode('role', role)).join('、')]]),
    open ? element('p', { className: 'note' }, say('openModeLong')) : null,
    element('div', { className: 'buttons' },
      open ? null : button(say('changePassword'), () => { made.close(); changePassword(false); }),
      open ? null : button(say('logOut'), async () => { await send('DELETE', 'sessions/current').catch((problem) => toast(problem.message)); made.close(); refreshPerson(); })));
  return made;
}

export function logIn() {
  const made = dialog(say('logIn'), loginForm(() => made.close()));
  made.classList.add('small');
  made.querySelector('input').focus();
  return made;
}

/** Name and password; also on pages that need a person. */
export function loginForm(after = () => {}) {
  return form([
    { name: 'name', label: say('account'), required: true, autocomplete: 'username' },
    { name: 'password', label: say('password'), type: 'password', required: true, autocomplete: 'current-password' },
  ], {
    submit: say('logIn'),
    done: async (values) => {
      await send('POST', 'sessions', values);
      after();
      await refreshPerson();
    },
  });
}

function changePassword(forced) {
  if (document.querySelector('dialog.password')) return;
  const made = dialog(say('changePassword'), forced ? element('p', { className: 'note' }, say('mustChange')) : null, form([
    { name: 'old', label: say('currentPassword'), type: 'password', required: true, autocomplete: 'current-password' },
    { name: 'new', label: say('newPassword'), type: 'password', required: true, minLength: 10, autocomplete: 'new-password', hint: say('passwordHint') },
    { name: 'again', label: say('repeatPassword'), type: 'password', required: true, autocomplete: 'new-password' },
  ], {
    submit: say('changePassword'),
    done: async (values) => {
      if (values.new !== values.again) throw new Error(say('passwordsDiffer'));
      await send('PUT', 'me/password', { old: values.old, new: values.new });
      made.close();
      toast(say('passwordChanged'));
      await refreshPerson();
    },
  }));
  made.classList.add('small', 'password');
}

/** The page of someone who has not said who they are. */
export function askWho(container) {
  fill(container, element('div', { className: 'ask-who' }, element('h1', {}, say('logIn')), element('p', {}, say('askWho')), loginForm()));
}

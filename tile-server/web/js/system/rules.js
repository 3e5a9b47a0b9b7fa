// The rules that the analyses follow: TOML documents with versions, looked at by everyone, replaced by right with author and effective date.

import { badge, button, dialog, element, facts, fill, table } from '../element.js';
import { form } from '../form.js';
import { may, person } from '../person.js';
import { part, read, send } from '../service.js';
import { dayOf, say, told } from '../words.js';

export async function rulesPart(place, [name]) {
  if (name) { await one(place, name); return; }
  const { rules = [] } = await read('rules');
  fill(place, element('h1', {}, say('system_rules')), element('p', { className: 'hint' }, say('rulesHint')),
    table([
      { title: say('ruleTitle'), cell: (rule) => element('a', { href: `#/system/rules/${part(rule.name)}` }, told(rule, 'title') || rule.name) },
      { title: say('identifier'), cell: (rule) => rule.name },
      { title: say('version'), cell: (rule) => versionName(inForce(rule)) },
      { title: say('author'), cell: (rule) => inForce(rule).author || '–' },
      { title: say('effectiveFrom'), cell: (rule) => dayOf(inForce(rule).effective_from) || '–' },
      { title: say('versions'), number: true, cell: (rule) => String(rule.versions?.length ?? 1) },
    ], rules, { className: 'cards' }));
}

/** The version of a rule that holds now. */
const inForce = (rule) => rule.versions?.find(({ version }) => version === rule.in_force) || rule;

/** What is shipped goes by the version that it gives itself. */
export const versionName = ({ version, shipped, document_version: own }) => (shipped ? `${own || ''}（${say('shipped')}）` : version);

async function one(place, name, version) {
  const [rule, { rules = [] }] = await Promise.all([read(`rules/${part(name)}`, { version }), read('rules')]);
  const list = rules.find((other) => other.name === name)?.versions || [];
  fill(place, element('p', { className: 'crumb' }, element('a', { href: '#/system/rules' }, `‹ ${say('system_rules')}`)),
    element('div', { className: 'top-row' }, element('h1', {}, told(rule, 'title') || name), may('admin') ? button(say('newVersion'), () => replace(rule, name, place), { className: 'primary' }) : null),
    facts([[say('version'), versionName(rule)], [say('author'), rule.author], [say('effectiveFrom'), dayOf(rule.effective_from)], [say('source'), rule.source]]),
    list.length > 1 ? element('div', { className: 'tabs' }, list.map((other) => element('button', { type: 'button', 'aria-pressed': String(other.version === rule.version), onclick: () => one(place, name, other.version) }, `${versionName(other)} · ${dayOf(other.effective_from)} `, other.version === rule.in_force ? badge(say('inForce'), 'pass') : null))) : null,
    element('textarea', { className: 'code plain-input', readOnly: true, rows: 26, value: rule.text || '', 'aria-label': say('ruleText') }));
}

function replace(rule, name, place) {
  const made = dialog(`${say('newVersion')} · ${told(rule, 'title') || name}`, form([
    { name: 'version', label: say('version'), required: true, hint: say('versionHint', { version: versionName(rule) }) },
    { name: 'author', label: say('author'), required: true, value: person.account.display_name },
    { name: 'effective_from', label: say('effectiveFrom'), type: 'date', required: true, value: today() },
    { name: 'text', label: say('ruleText'), type: 'textarea', rows: 22, required: true, value: rule.text, className: 'code', spellcheck: false },
  ], {
    submit: say('save'),
    done: async (values, key) => {
      await send('POST', `rules/${part(name)}`, { ...values, text: `${values.text}\n` }, { key });
      made.close();
      await one(place, name);
    },
  }));
  made.classList.add('wide');
}

/** The local date. */
export function today() {
  const now = new Date();
  return `${now.getFullYear()}-${String(now.getMonth() + 1).padStart(2, '0')}-${String(now.getDate()).padStart(2, '0')}`;
}

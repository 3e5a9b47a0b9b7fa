// Forms: labelled fields, one deed at a time, the service's refusal said beside the button.

import { button, element } from './element.js';
import { newKey } from './service.js';
import { say } from './words.js';

/**
 * A form. A field is `{ name, label, type?, value?, required?, options?: [[value, label]], hint?, rows?, … }`; `type` is that of an input, or
 * `select`, `textarea`, `checks` (many of `options`) or `node` (`node` itself is shown). `done(values, key)` does the deed: the same key for the
 * same values, so that a repeated press after a lost answer does nothing twice.
 */
export function form(fields, { submit, done, cancel, className = '', danger = false }) {
  const problem = element('p', { className: 'problem', role: 'alert', hidden: true });
  const press = element('button', { type: 'submit', className: danger ? 'danger' : 'primary' }, submit);
  const made = element('form', { className: `fields ${className}`, noValidate: false }, fields.filter(Boolean).map(fieldRow), problem,
    element('div', { className: 'buttons' }, press, cancel ? button(say('cancel'), cancel) : null));
  let key = newKey();
  let lastBody = '';
  made.addEventListener('submit', async (event) => {
    event.preventDefault();
    const values = valuesOf(made, fields.filter(Boolean));
    const body = JSON.stringify(values, (name, value) => (value instanceof File ? `${value.name} ${value.size} ${value.lastModified}` : value));
    if (body !== lastBody) key = newKey();
    lastBody = body;
    problem.hidden = true;
    press.disabled = true;
    made.setAttribute('aria-busy', 'true');
    try {
      await done(values, key);
      lastBody = '';
    } catch (refusal) {
      problem.textContent = refusal.message;
      problem.hidden = false;
      problem.scrollIntoView({ block: 'nearest' });
    } finally {
      press.disabled = false;
      made.removeAttribute('aria-busy');
    }
  });
  return made;
}

/** Of the values those that differ from what the form began with: what somebody else changed meanwhile stays theirs. */
export function changed(fields, values) {
  const text = (value) => (Array.isArray(value) ? [...value].sort().join('\n') : String(value ?? ''));
  const begun = new Map(fields.filter(Boolean).map(({ name, type, value, options }) => [name, type === 'checkbox' ? Boolean(value) : type === 'select' && (value ?? '') === '' ? options[0]?.[0] : value]));
  return Object.fromEntries(Object.entries(values).filter(([name, value]) => text(value) !== text(begun.get(name))));
}

let fieldCount = 0;

function fieldRow(field) {
  if (field.type === 'node') return field.node;
  fieldCount += 1;
  const id = `field-${fieldCount}`;
  const { name, label, type = 'text', value, options = [], hint, ...rest } = field;
  if (type === 'checks') {
    return element('fieldset', {}, element('legend', {}, label), options.map(([option, title]) => element('label', { className: 'check' }, element('input', { type: 'checkbox', name, value: option, checked: (value || []).includes(option) }), title)), hint ? element('small', {}, hint) : null);
  }
  if (type === 'checkbox') return element('label', { className: 'check' }, element('input', { type, name, id, checked: Boolean(value) }), label);
  let input;
  if (type === 'select') input = element('select', { name, id, ...rest }, options.map(([option, title]) => element('option', { value: option, selected: String(option) === String(value ?? '') }, title)));
  else if (type === 'textarea') input = element('textarea', { name, id, value: value ?? '', rows: 4, ...rest });
  else if (type === 'file') input = element('input', { type, name, id, ...rest });
  else input = element('input', { type, name, id, value: value ?? '', ...rest });
  return element('div', { className: 'field' }, element('label', { htmlFor: id, className: field.required ? 'required' : '' }, label), input, hint ? element('small', {}, hint) : null);
}

function valuesOf(made, fields) {
  const values = {};
  for (const { name, type } of fields) {
    if (type === 'node' || !name) continue;
    if (type === 'checks') values[name] = [...made.querySelectorAll(`input[name="${name}"]:checked`)].map((input) => input.value);
    else if (type === 'checkbox') values[name] = made.elements[name].checked;
    else if (type === 'file') values[name] = [...made.elements[name].files];
    else if (type === 'number') values[name] = made.elements[name].value === '' ? undefined : Number(made.elements[name].value);
    else values[name] = type === 'password' ? made.elements[name].value : made.elements[name].value.trim();
  }
  return values;
}

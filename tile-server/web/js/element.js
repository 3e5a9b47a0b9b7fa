// Elements of the page. Text of data becomes text only (textContent), never markup.

import { say } from './words.js';

/** An element; attributes that begin with `on` are listeners, those the element knows are properties, others attributes. Empty children are left out. */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined) continue;
    if (name.startsWith('on')) made.addEventListener(name.slice(2), value);
    else if (name in made && name !== 'list' && name !== 'form') made[name] = value;
    else made.setAttribute(name, value);
  }
  made.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

/** Puts children into a place, instead of what was there; empty ones are left out. */
export const fill = (place, ...children) => place.replaceChildren(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));

/** An SVG element. */
export function drawing(tag, attributes = {}, ...children) {
  const made = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

export const button = (label, onclick, attributes = {}) => element('button', { type: 'button', onclick, ...attributes }, label);

export const badge = (text, kind = '') => element('span', { className: `badge ${kind}` }, text);

export const empty = (text) => element('p', { className: 'empty' }, text);

/** A table; a column is `{ title, cell(row) -> node or text, number? }`. With `onRow` a row is chosen by click or Enter. */
export function table(columns, rows, { onRow, chosen, className = '', nothing = say('nothing') } = {}) {
  if (rows.length === 0) return empty(nothing);
  const choose = (row, line) => {
    for (const other of line.parentElement.children) other.removeAttribute('aria-selected');
    line.setAttribute('aria-selected', 'true');
    onRow(row);
  };
  const body = rows.map((row) => {
    const line = element('tr', onRow ? { tabIndex: 0, className: 'choice', 'aria-selected': chosen?.(row) ? 'true' : null } : {},
      columns.map((column) => element('td', { className: column.number ? 'number' : '', 'data-title': column.title }, column.cell(row))));
    if (onRow) {
      line.addEventListener('click', (event) => { if (!event.target.closest('button, a, select, input, label, summary')) choose(row, line); });
      line.addEventListener('keydown', (event) => { if (event.key === 'Enter' && event.target === line) choose(row, line); });
    }
    return line;
  });
  return element('table', { className: `data ${className}` },
    element('thead', {}, element('tr', {}, columns.map((column) => element('th', { className: column.number ? 'number' : '', scope: 'col' }, column.sort ? button(column.title + (column.sorted ? (column.sorted > 0 ? ' ▲' : ' ▼') : ''), column.sort, { className: 'sort' }) : column.title)))),
    element('tbody', {}, body));
}

/** Name and value, one below the other; empty values are left out. */
export function facts(rows) {
  return element('dl', { className: 'facts' }, rows.filter(([, value]) => value !== null && value !== undefined && value !== '').map(([name, value]) => [element('dt', {}, name), element('dd', {}, value)]));
}

let toastTimer;
/** A sentence at the foot of the window, for some seconds. */
export function toast(text) {
  const box = document.getElementById('toast');
  box.textContent = text;
  box.hidden = false;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => { box.hidden = true; }, 5000);
}

/** A dialog with a title; gives the `<dialog>`, opened. It goes when it is closed. */
export function dialog(title, ...children) {
  const made = element('dialog', { 'aria-label': title, onclose: () => { if (!made.open && !made.dataset.aside) made.remove(); } },
    element('header', {}, element('h2', {}, title), button('×', () => made.close(), { className: 'close', 'aria-label': say('close') })), element('div', { className: 'body' }, ...children));
  document.body.append(made);
  made.showModal();
  return made;
}

/** Takes a dialog away for a while, with all that was entered; gives what brings it back. */
export function setAside(made) {
  made.dataset.aside = 'true';
  made.close();
  return () => { delete made.dataset.aside; made.showModal(); };
}

export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Plain http on an intranet has no clipboard interface; the old way still works there.
    const area = element('textarea', { value: text });
    document.body.append(area);
    area.select();
    document.execCommand('copy');
    area.remove();
  }
  toast(`${say('copied')}: ${text}`);
}

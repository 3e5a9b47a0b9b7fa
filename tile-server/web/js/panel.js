// The list of layers: on and off, opacity, order by dragging, zoom to, and what revision is shown.

import { absolute, dayOf } from './catalogue.js';
import { KINDS } from './layers.js';
import { say, titleOf } from './words.js';

const GROUPS = { 'basemap': 'basemap', 'imagery': 'imagery', 'elevation': 'elevationKind', 'features': 'featuresKind', 'mesh': 'mesh', 'point-cloud': 'pointCloud', 'observations': 'observations' };

/** A target as a drawing: no font need hold the sign. */
const TARGET = '<svg viewBox="0 0 16 16" width="15" height="15" fill="none" stroke="currentColor" stroke-width="1.4"><circle cx="8" cy="8" r="4.2"/><path d="M8 1v4M8 11v4M1 8h4M11 8h4"/></svg>';

export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) made.addEventListener(name.slice(2), value);
    else if (name in made && name !== 'list') made[name] = value;
    else made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

/** How to see a mesh or a point cloud in three dimensions: the viewer's command and the tileset's address, to copy. */
export function threeD(dataset, toast) {
  const server = new URL('.', document.baseURI).href.replace(/\/$/, '');
  const button = (label, text) => element('button', { type: 'button', title: text, textContent: say(label), onclick: () => copy(text, toast) });
  return element('div', { className: 'three-d' }, button('copyCommand', `shikong-view ${server}`), button('copyTileset', absolute(dataset.links.tileset)));
}

export async function copy(text, toast) {
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

export function drawLayerList(container, stack, filter, { onChange, onZoom, toast }) {
  container.replaceChildren();
  const entries = stack.fromTop().filter((entry) => !filter || titleOf(entry.dataset).includes(filter) || entry.dataset.slug.includes(filter));
  if (entries.length === 0) container.append(element('p', { className: 'empty', textContent: say('noLayers') }));
  for (const kind of [...KINDS].reverse()) {
    const members = entries.filter((entry) => entry.dataset.kind === kind);
    if (members.length === 0) continue;
    container.append(element('div', { className: 'group' }, say(GROUPS[kind] || 'other'), element('span', { textContent: members.length })));
    for (const entry of members) container.append(layerRow(entry, stack, { onChange, onZoom, toast }));
  }
}

function layerRow(entry, stack, { onChange, onZoom, toast }) {
  const { dataset } = entry;
  const { slug } = dataset;
  const title = titleOf(dataset);
  const toggle = element('input', { type: 'checkbox', checked: entry.visible, id: `on-${slug}`, onchange: (event) => { stack.setVisible(slug, event.target.checked); onChange(); } });
  const row = element('div', { className: 'row' }, toggle,
    element('label', { className: 'name', htmlFor: `on-${slug}`, textContent: title, title: `${title} (${slug})` }),
    dataset.live ? element('span', { className: 'badge', textContent: say('live') }) : null,
    dataset.bounds ? element('button', { className: 'tool', type: 'button', title: say('zoomTo'), 'aria-label': `${say('zoomTo')} ${title}`, innerHTML: TARGET, onclick: () => onZoom(dataset) }) : null);
  const when = dataset.revision ? `${say('validFrom')} ${dayOf(dataset.revision.valid_from)}` : '';
  const details = element('div', { className: 'details' }, element('span', { textContent: when, title: dataset.revision ? `${say('revision')} ${dataset.revision.id}` : '' }),
    element('input', { type: 'range', min: 0, max: 100, value: Math.round(entry.opacity * 100), title: say('opacity'), 'aria-label': `${say('opacity')} ${title}`, oninput: (event) => stack.setOpacity(slug, event.target.value / 100) }));
  const item = element('div', { className: 'layer', draggable: true }, row, details);
  if (dataset.links?.tileset) item.append(threeD(dataset, toast));
  if (entry.problem) item.append(element('div', { className: 'note', textContent: `${say('failed')}: ${entry.problem}` }));
  item.addEventListener('dragstart', (event) => { event.dataTransfer.setData('text/plain', slug); item.classList.add('dragged'); });
  item.addEventListener('dragend', () => item.classList.remove('dragged'));
  item.addEventListener('dragover', (event) => { event.preventDefault(); item.classList.add('target'); });
  item.addEventListener('dragleave', () => item.classList.remove('target'));
  item.addEventListener('drop', (event) => {
    event.preventDefault();
    const moved = event.dataTransfer.getData('text/plain');
    if (moved && moved !== slug && stack.entries.has(moved)) { stack.moveAbove(moved, slug); onChange(); }
  });
  return item;
}

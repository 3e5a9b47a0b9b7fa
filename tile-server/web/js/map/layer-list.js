// The list of layers by subject: on and off, opacity, order by dragging, zoom to, and what revision is shown.

import { badge, button, copy, drawing, element, empty, fill } from '../element.js';
import { absolute } from '../service.js';
import { dayOf, say, titleOf } from '../words.js';
import { SUBJECTS, subjectOf } from './subjects.js';

/** A target as a drawing: no font need hold the sign. */
const target = () => drawing('svg', { viewBox: '0 0 16 16', width: 15, height: 15, fill: 'none', stroke: 'currentColor', 'stroke-width': 1.4 },
  drawing('circle', { cx: 8, cy: 8, r: 4.2 }), drawing('path', { d: 'M8 1v4M8 11v4M1 8h4M11 8h4' }));

/** How to see a mesh or a point cloud in three dimensions: the viewer's command and the tileset's address, to copy. */
export function threeD(dataset) {
  const server = new URL('.', document.baseURI).href.replace(/\/$/, '');
  const copier = (label, text) => button(say(label), () => copy(text), { title: text });
  return element('div', { className: 'three-d' }, copier('copyCommand', `shikong-view ${server}`), copier('copyTileset', absolute(dataset.links.tileset)));
}

/** Subjects that the reader has folded; kept while the page is open. */
const folded = new Set();

export function drawLayerList(container, stack, filter, { onChange, onZoom }) {
  const entries = stack.fromTop().filter((entry) => !filter || titleOf(entry.dataset).includes(filter) || entry.dataset.slug.includes(filter));
  const groups = SUBJECTS.map(({ name }) => {
    const members = entries.filter((entry) => subjectOf(entry.dataset) === name);
    if (members.length === 0) return null;
    const shown = members.filter((entry) => entry.visible).length;
    return element('details', { className: 'subject', open: Boolean(filter) || !folded.has(name), ontoggle: (event) => { if (event.target.open) folded.delete(name); else folded.add(name); } },
      element('summary', {}, element('span', {}, say(`subject_${name}`)), element('span', { className: 'of' }, `${shown} / ${members.length}`)),
      members.map((entry) => layerRow(entry, stack, { onChange, onZoom })));
  });
  fill(container, ...groups.filter(Boolean));
  if (entries.length === 0) container.append(empty(say(filter ? 'nothing' : 'noLayers')));
}

function layerRow(entry, stack, { onChange, onZoom }) {
  const { dataset } = entry;
  const { slug } = dataset;
  const title = titleOf(dataset);
  const id = `on-${slug}`;
  const row = element('div', { className: 'row' },
    element('input', { type: 'checkbox', checked: entry.visible, id, onchange: async (event) => { await stack.setVisible(slug, event.target.checked); onChange(); document.getElementById(id)?.focus(); } }),
    element('label', { className: 'name', htmlFor: id, title: `${title} (${slug})` }, title),
    dataset.live ? badge(say('live')) : null,
    dataset.bounds ? element('button', { className: 'tool', type: 'button', title: say('zoomTo'), 'aria-label': `${say('zoomTo')} ${title}`, onclick: () => onZoom(dataset) }, target()) : null);
  const item = element('div', { className: 'layer', draggable: true }, row);
  if (entry.visible) {
    item.append(element('div', { className: 'details' },
      element('span', { title: dataset.revision ? `${say('revision')} ${dataset.revision.id}` : '' }, dataset.revision ? `${say('validFrom')} ${dayOf(dataset.revision.valid_from)}` : ''),
      element('input', { type: 'range', min: 0, max: 100, value: Math.round(entry.opacity * 100), title: say('opacity'), 'aria-label': `${say('opacity')} ${title}`, oninput: (event) => stack.setOpacity(slug, event.target.value / 100) })));
    if (dataset.links?.tileset) item.append(threeD(dataset));
  }
  if (entry.problem) item.append(element('div', { className: 'note' }, `${say('failed')}: ${entry.problem}`));
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

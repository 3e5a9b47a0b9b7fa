// The legend of what is on the map now: the classes of visible plan layers that really occur in them.

import { element, empty } from '../element.js';
import { isChinese, say, titleOf } from '../words.js';

export function drawLegend(container, stack) {
  container.replaceChildren();
  for (const entry of stack.fromTop().filter((candidate) => candidate.visible && candidate.style)) {
    const told = entry.style.metadata?.shikong;
    if (!told) continue;
    const present = entry.dataset.properties?.classes?.values;
    const classes = (told.legend || []).filter((item) => !present || item.values.length === 0 || item.values.some((value) => present.some((code) => covers(value, String(code)))));
    if (classes.length === 0) continue;
    container.append(element('h3', { textContent: titleOf(entry.dataset) }));
    for (const item of classes) {
      const swatch = element('span', { className: `swatch ${item.shape || 'fill'}` });
      Object.assign(swatch.style, inkOf(item, entry.style));
      container.append(element('div', { className: 'class' }, swatch, element('span', { textContent: (item.values[0] && /^\d|^[A-Z]\d?$/.test(item.values[0]) ? item.values[0] + ' ' : '') + (isChinese() ? item.zh : item.en) })));
    }
  }
  if (!container.hasChildNodes()) container.append(empty(say('noLegend')));
}

/** How a class looks on the map: an area of one colour with its own fill and outline, anything else in its colour. */
function inkOf({ color, shape, values }, style) {
  const paint = (type, name) => style.layers.map((layer) => layer.type === type && layer.paint?.[name]).find((value) => value !== undefined && value !== false);
  const [fill, opacity] = [paint('fill', 'fill-color'), paint('fill', 'fill-opacity')];
  if (shape !== 'fill' || values.length > 0 || typeof fill !== 'string') return { background: color };
  const share = typeof opacity === 'number' ? Math.max(opacity, 0.25) : 1;
  return { background: `color-mix(in srgb, ${fill} ${Math.round(share * 100)}%, white)`, border: `2px solid ${color}` };
}

/** Whether a legend's class holds a code: the same, or a class above it (07 holds 070102). */
function covers(value, code) {
  return code === value || (/^[0-9A-Z]{1,4}$/.test(value) && code.startsWith(value));
}

// Simple charts as inline SVG: one bar a row, made of parts. Figures beside them are the service's; here they are only lengths.

import { drawing } from './element.js';

const INKS = ['#0f6e6e', '#d9822b', '#5b7fb5', '#9aa83a', '#a35a8c', '#6d8a8a', '#c0504d', '#4f9d69', '#8064a2', '#b8953b'];

/** A colour for each name: its own where `told` knows one. */
export function colours(names, told = () => null) {
  return new Map(names.map((name, at) => [name, told(name) || INKS[at % INKS.length]]));
}

/** Horizontal bars; a row is `{ name, parts: [{ value, colour, title }] }`. */
export function bars(rows, { label = 92, width = 420 } = {}) {
  const height = 20;
  const lengths = rows.map(({ parts }) => parts.reduce((all, { value }) => all + value, 0));
  const most = Math.max(...lengths, 1e-9);
  const made = drawing('svg', { class: 'chart', viewBox: `0 0 ${width} ${rows.length * height}`, role: 'img' });
  rows.forEach(({ name, parts }, at) => {
    const short = name.length > 7 ? `${name.slice(0, 6)}…` : name;
    made.append(drawing('text', { x: label - 6, y: at * height + 14, 'text-anchor': 'end', 'font-size': 11 }, short));
    let x = label;
    for (const { value, colour, title } of parts) {
      const length = (value / most) * (width - label - 4);
      made.append(drawing('rect', { x, y: at * height + 3, width: Math.max(length, 0), height: height - 6, fill: colour }, drawing('title', {}, title)));
      x += length;
    }
  });
  return made;
}

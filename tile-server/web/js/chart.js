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

/** A length along a scale: 1, 2 or 5 times a power of ten, so that about `count` of them fit. */
function tick(span, count) {
  const raw = Math.max(span, 1e-9) / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= raw);
}

/**
 * Two heights along a line: loss and gain between them are filled. `section` is `{ distance_m, before_m, after_m }` with null where there is no
 * height; `words` are the two names and the axes' `{ before, after, along, height }`; `onPlace(index or null)` hears where the pointer is.
 */
export function profile({ distance_m: along, before_m: before, after_m: after }, words, { width = 560, height = 240, onPlace } = {}) {
  const [left, right, top, bottom] = [52, 12, 22, 34];
  const heights = [...before, ...after].filter((value) => value !== null);
  const made = drawing('svg', { class: 'chart profile', viewBox: `0 0 ${width} ${height}`, role: 'img' });
  if (heights.length === 0) return made;
  const [low, high] = [Math.min(...heights), Math.max(...heights)];
  const room = Math.max((high - low) * 0.08, 0.5);
  const [floor, roof, end] = [low - room, high + room, along.at(-1) || 1];
  const x = (m) => left + (m / end) * (width - left - right);
  const y = (m) => height - bottom - ((m - floor) / (roof - floor)) * (height - top - bottom);
  const text = (attributes, words_) => drawing('text', { 'font-size': 11, fill: '#48595c', ...attributes }, words_);
  const step = tick(roof - floor, 5);
  for (let m = Math.ceil(floor / step) * step; m <= roof; m += step) {
    made.append(drawing('line', { x1: left, x2: width - right, y1: y(m), y2: y(m), stroke: '#e1e9e7' }), text({ x: left - 5, y: y(m) + 4, 'text-anchor': 'end' }, m.toFixed(step < 1 ? 1 : 0)));
  }
  const pace = tick(end, 6);
  for (let m = 0; m <= end; m += pace) made.append(drawing('line', { x1: x(m), x2: x(m), y1: height - bottom, y2: height - bottom + 4, stroke: '#8fa3a0' }), text({ x: x(m), y: height - bottom + 16, 'text-anchor': 'middle' }, m.toFixed(pace < 1 ? 1 : 0)));
  // Each pair of neighbours where both are known is one small area: red where ground was lost.
  for (let at = 1; at < along.length; at += 1) {
    const four = [before[at - 1], before[at], after[at], after[at - 1]];
    if (four.some((value) => value === null)) continue;
    const gained = four[2] + four[3] > four[0] + four[1];
    made.append(drawing('polygon', { points: `${x(along[at - 1])},${y(four[0])} ${x(along[at])},${y(four[1])} ${x(along[at])},${y(four[2])} ${x(along[at - 1])},${y(four[3])}`, fill: gained ? '#6aaed6' : '#ef6a4c', 'fill-opacity': 0.55 }));
  }
  const line = (values, attributes) => {
    let path = '';
    values.forEach((value, at) => { if (value !== null) path += `${at > 0 && values[at - 1] !== null ? 'L' : 'M'}${x(along[at]).toFixed(2)} ${y(value).toFixed(2)}`; });
    made.append(drawing('path', { d: path, fill: 'none', 'stroke-width': 1.8, ...attributes }));
  };
  line(before, { stroke: '#5c6f6c', 'stroke-dasharray': '5 3' });
  line(after, { stroke: '#b0122b' });
  made.append(text({ x: left, y: 13 }, words.height), text({ x: width - right, y: height - 4, 'text-anchor': 'end' }, words.along),
    drawing('line', { x1: width - 210, x2: width - 186, y1: 9, y2: 9, stroke: '#5c6f6c', 'stroke-width': 1.8, 'stroke-dasharray': '5 3' }), text({ x: width - 182, y: 13 }, words.before),
    drawing('line', { x1: width - 104, x2: width - 80, y1: 9, y2: 9, stroke: '#b0122b', 'stroke-width': 1.8 }), text({ x: width - 76, y: 13 }, words.after));
  const cursor = drawing('line', { y1: top, y2: height - bottom, stroke: '#0f6e6e', visibility: 'hidden' });
  const reading = text({ y: top + 12, 'font-weight': 600, fill: '#0f6e6e' }, '');
  made.append(cursor, reading);
  const leave = () => { cursor.setAttribute('visibility', 'hidden'); reading.textContent = ''; onPlace?.(null); };
  made.addEventListener('pointermove', (event) => {
    const box = made.getBoundingClientRect();
    const m = (((event.clientX - box.left) / box.width) * width - left) / (width - left - right) * end;
    if (m < 0 || m > end) { leave(); return; }
    let at = along.findIndex((other) => other >= m);
    if (at < 0) at = along.length - 1;
    const [a, b] = [before[at], after[at]];
    cursor.setAttribute('x1', x(along[at]));
    cursor.setAttribute('x2', x(along[at]));
    cursor.setAttribute('visibility', 'visible');
    reading.textContent = `${along[at].toFixed(1)} m  ${a === null ? '–' : a.toFixed(2)} → ${b === null ? '–' : b.toFixed(2)} m${a === null || b === null ? '' : `  ${b > a ? '+' : ''}${(b - a).toFixed(2)} m`}`;
    const late = x(along[at]) > width / 2;
    reading.setAttribute('x', x(along[at]) + (late ? -6 : 6));
    reading.setAttribute('text-anchor', late ? 'end' : 'start');
    onPlace?.(at);
  });
  made.addEventListener('pointerleave', leave);
  return made;
}

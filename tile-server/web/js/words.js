// What the page says, Chinese first. Every word a person sees is in words/, so that no English is left in a Chinese page.

import { FRAME } from './words/frame.js';
import { MAP } from './words/map.js';
import { DIFFERENCE } from './words/difference.js';
import { DISASTER } from './words/disaster.js';
import { PROJECT } from './words/project.js';
import { SYSTEM } from './words/system.js';

const WORDS = { ...FRAME, ...MAP, ...DIFFERENCE, ...DISASTER, ...PROJECT, ...SYSTEM };

const query = new URLSearchParams(location.search);
let language = query.get('lang') === 'en' || (!query.has('lang') && stored('lang') === 'en') ? 1 : 0;

function stored(key) {
  try { return localStorage.getItem('shikong.' + key); } catch { return null; }
}

export const isChinese = () => language === 0;

/** The words of a key; `{name}` in them is replaced by the member of that name. */
export function say(key, members = {}) {
  const words = WORDS[key];
  return words ? words[language].replace(/\{(\w+)\}/g, (whole, name) => members[name] ?? whole) : key;
}

/** The words of a code, such as a state of the service; the code itself where there are none. */
export const sayCode = (family, code) => (code === null || code === undefined ? '–' : WORDS[`${family}_${code}`] ? say(`${family}_${code}`) : String(code));

/** What a record says of itself in the page's language: `NAME_zh`/`NAME_en`, or `{ zh, en }`. */
export function told(record, name) {
  if (!record) return '';
  if (name === undefined) return typeof record === 'string' ? record : (isChinese() ? record.zh : record.en) || record.zh || record.en || '';
  const plain = record[name];
  return (isChinese() ? record[`${name}_zh`] : record[`${name}_en`]) || (plain && typeof plain === 'object' ? told(plain) : plain) || record[`${name}_zh`] || '';
}

/** A dataset's title in the page's language. */
export function titleOf(dataset) {
  return (isChinese() ? dataset.title : dataset.title_en || dataset.title) || dataset.slug;
}

/** The day of a moment, as written. */
export const dayOf = (moment) => (moment ? String(moment).slice(0, 10) : '');

/** Day and minute of a moment, in the reader's zone. */
export function minuteOf(moment) {
  const date = new Date(moment);
  if (!moment || Number.isNaN(date.getTime())) return '–';
  const two = (number) => String(number).padStart(2, '0');
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${two(date.getHours())}:${two(date.getMinutes())}`;
}

export function switchLanguage() {
  language = 1 - language;
  try { localStorage.setItem('shikong.lang', language ? 'en' : 'zh'); } catch { /* a browser without storage forgets the choice */ }
}

/** Writes the words of the fixed parts of the page. */
export function writeFixedWords() {
  document.documentElement.lang = isChinese() ? 'zh-CN' : 'en';
  for (const element of document.querySelectorAll('[data-say]')) element.textContent = say(element.dataset.say);
  for (const element of document.querySelectorAll('[data-say-placeholder]')) element.placeholder = say(element.dataset.sayPlaceholder);
  for (const element of document.querySelectorAll('[data-say-title]')) {
    element.title = say(element.dataset.sayTitle);
    element.setAttribute('aria-label', element.title);
  }
  const button = document.getElementById('language-button');
  button.textContent = isChinese() ? 'English' : '中文';
  button.lang = isChinese() ? 'en' : 'zh-CN';
}

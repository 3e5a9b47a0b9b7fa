// 系统: people, departments, rules and the calendar. One entry of PARTS per part.

import { element, empty, fill } from '../element.js';
import { askWho, person } from '../person.js';
import { say } from '../words.js';
import { calendarPart } from '../system/calendar.js';
import { peoplePart } from '../system/people.js';
import { rulesPart } from '../system/rules.js';
import { unitsPart } from '../system/units.js';

const PARTS = { people: peoplePart, units: unitsPart, rules: rulesPart, calendar: calendarPart };

export const SYSTEM_PAGE = {
  name: 'system',
  title: 'pageSystem',
  async open(container, [name = 'people', ...rest]) {
    if (!person.account) { askWho(container); return null; }
    let open = true;
    const place = element('div', { className: 'sheet' }, empty(say('loading')));
    const current = PARTS[name] ? name : 'people';
    fill(container, element('div', { className: 'plain-page' },
      element('div', { className: 'sheet' }, element('nav', { className: 'tabs', 'aria-label': say('pageSystem') }, Object.keys(PARTS).map((other) => element('a', { href: `#/system/${other}`, 'aria-current': other === current ? 'page' : null }, say(`system_${other}`))))), place));
    PARTS[current](place, rest).catch((problem) => { if (open) fill(place, element('p', { className: 'problem' }, problem.message)); }).finally(() => { if (open) document.body.dataset.ready = 'true'; });
    return () => { open = false; };
  },
};

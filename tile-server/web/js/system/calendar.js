// The calendar of working days that deadlines count by. It is part of the rule document `workflow`; a changed calendar is a new version of it.

import { button, dialog, element, facts, fill, toast } from '../element.js';
import { form } from '../form.js';
import { may, person } from '../person.js';
import { read, send } from '../service.js';
import { say } from '../words.js';
import { today, versionName } from './rules.js';

const DAY_MS = 86_400_000;

const dayText = (date) => date.toISOString().slice(0, 10);
const dateOf = (text) => new Date(`${text}T00:00:00Z`);

/** The list of a name in the document: what stands between its brackets. */
const listOf = (text, name) => new RegExp(`^(${name}\\s*=\\s*\\[)([^\\]]*)(\\])`, 'm').exec(text);

/** Days of a list of dates and spans (`2026-10-01/2026-10-07`). */
function daysOf(text, name) {
  const days = new Set();
  for (const [, first, last] of (listOf(text, name)?.[2] || '').matchAll(/"(\d{4}-\d\d-\d\d)(?:\/(\d{4}-\d\d-\d\d))?"/g)) {
    for (let at = dateOf(first).getTime(); at <= dateOf(last || first).getTime(); at += DAY_MS) days.add(dayText(new Date(at)));
  }
  return days;
}

/** The same days, days in a row as one span. */
function written(days) {
  const spans = [];
  for (const day of [...days].sort()) {
    const last = spans.at(-1);
    if (last && dateOf(day) - dateOf(last[1]) === DAY_MS) last[1] = day;
    else spans.push([day, day]);
  }
  return spans.map(([first, last]) => (first === last ? `"${first}"` : `"${first}/${last}"`)).join(', ');
}

export async function calendarPart(place, rest = [], shownYear = new Date().getFullYear()) {
  const rule = await read('rules/workflow');
  const { text } = rule;
  const weekend = new Set((listOf(text, 'weekend')?.[2] || '6, 7').split(',').map(Number));
  const [was, wasMade] = [daysOf(text, 'holidays'), daysOf(text, 'make_up_days')];
  const [off, made] = [new Set(was), new Set(wasMade)];
  let year = shownYear;
  const months = element('div', { className: 'calendar' });
  const save = button(say('save'), () => keep(rule, text, off, made, () => calendarPart(place, rest, year)), { className: 'primary', disabled: true });

  function toggle(day, weekendDay) {
    const set = weekendDay ? made : off;
    if (!set.delete(day)) set.add(day);
    save.disabled = [...off, ...made].join() === [...was, ...wasMade].join();
    draw();
  }

  function month(number) {
    const first = new Date(Date.UTC(year, number, 1));
    const cells = [...say('weekdays')].map((letter) => element('span', {}, letter));
    for (let skip = (first.getUTCDay() + 6) % 7; skip > 0; skip -= 1) cells.push(element('i'));
    for (let date = first; date.getUTCMonth() === number; date = new Date(date.getTime() + DAY_MS)) {
      const day = dayText(date);
      const weekendDay = weekend.has(((date.getUTCDay() + 6) % 7) + 1);
      const free = weekendDay ? !made.has(day) : off.has(day);
      const changed = weekendDay ? made.has(day) !== wasMade.has(day) : off.has(day) !== was.has(day);
      cells.push(element('button', { type: 'button', className: `${free ? 'off' : ''} ${changed ? 'changed' : ''}`, title: `${day} ${say(free ? 'dayOff' : 'dayOn')}`, disabled: !may('admin'), onclick: () => toggle(day, weekendDay) }, String(date.getUTCDate())));
    }
    return element('div', { className: 'month' }, element('h3', {}, say('month', { n: number + 1 })), element('div', { className: 'days' }, cells));
  }

  const shown = element('b', {}, String(year));
  function draw() {
    shown.textContent = String(year);
    fill(months, ...Array.from({ length: 12 }, (_, number) => month(number)));
  }
  const turn = (by) => () => { year += by; draw(); };
  const setting = (name) => new RegExp(`^${name}\\s*=\\s*(\\S+)`, 'm').exec(text)?.[1];
  fill(place, element('div', { className: 'top-row' }, element('h1', {}, say('system_calendar')), may('admin') ? save : null), element('p', { className: 'hint' }, say('calendarHint')),
    facts([[say('version'), versionName(rule)], [say('usualDays'), setting('default_days')], [say('overdueIsConsent'), setting('overdue_counts_as_no_opinion') === 'true' ? say('yes') : say('no')]]),
    element('p', {}, element('a', { href: '#/system/rules/workflow' }, say('editWorkflow'))),
    element('div', { className: 'buttons' }, button('‹', turn(-1), { 'aria-label': say('previous') }), shown, button('›', turn(1), { 'aria-label': say('next') })), months);
  draw();
}

function keep(rule, text, off, made, again) {
  const replaced = (source, name, days) => source.replace(listOf(source, name)[0], (list) => list.replace(/\[[^\]]*\]/, `[${written(days)}]`));
  const box = dialog(say('newVersion'), form([
    { name: 'version', label: say('version'), required: true, hint: say('versionHint', { version: versionName(rule) }) },
    { name: 'author', label: say('author'), required: true, value: person.account.display_name },
    { name: 'effective_from', label: say('effectiveFrom'), type: 'date', required: true, value: today() },
  ], {
    submit: say('save'),
    done: async (values, key) => {
      const body = replaced(replaced(text, 'holidays', off), 'make_up_days', made);
      await send('POST', 'rules/workflow', { ...values, text: body }, { key });
      box.close();
      toast(say('saved'));
      await again();
    },
  }));
}

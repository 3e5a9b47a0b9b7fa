// Someone else was faster (409): what changed is shown, and the person may do the same again on the current state. Nothing entered is lost.

import { button, dialog, element, table } from './element.js';
import { say, sayCode } from './words.js';

/**
 * Does `change(version)` with the version of `seen`; on 409 shows what differs and asks. Rejects where the person gives up, so that the form keeps
 * what was entered. `titles` names fields that the page's words do not know.
 */
export async function conflict(seen, change, titles = {}) {
  let known = seen;
  for (;;) {
    try {
      return await change(known.version);
    } catch (problem) {
      const current = problem.status === 409 ? problem.body?.current : null;
      if (!current || current.version === undefined || current.version === known.version) throw problem;
      if (!await agreed(known, current, problem, titles)) throw problem;
      known = current;
    }
  }
}

function agreed(seen, current, problem, titles) {
  return new Promise((answer) => {
    let yes = false;
    const made = dialog(say('changedMeanwhile'), element('p', {}, problem.message), element('p', { className: 'hint' }, say('changedHow')),
      table([{ title: say('field'), cell: ([name]) => titles[name] || say(name) }, { title: say('was'), cell: ([, was]) => was }, { title: say('isNow'), cell: ([, , now]) => now }], differences(flat(seen), flat(current)), { className: 'differences' }),
      element('div', { className: 'buttons' }, button(say('redo'), () => { yes = true; made.close(); }, { className: 'primary' }), button(say('cancel'), () => made.close())));
    made.addEventListener('close', () => answer(yes));
  });
}

/** Opinions of a ledger row are fields like the others. */
const flat = ({ opinions, ...rest }) => ({ ...rest, ...opinions });

/** What the service adds to a record, which nobody entered. */
const DERIVED = ['version', 'updated', 'changed', 'state_zh', 'actions', 'duties', 'check', 'red_line', 'red_lines', 'consultations', 'supplements', 'minutes', 'withdrawn_revisions'];

function differences(seen, current) {
  const words = (value) => {
    if (value === null || value === undefined || value === '') return '–';
    if (Array.isArray(value)) return value.map(words).join('；');
    if (typeof value === 'object') return value.display_name || value.name || Object.entries(value).filter(([key]) => key !== 'id').map(([, inner]) => words(inner)).join(' ');
    const state = sayCode('state', value);
    return state === value ? sayCode('ledger', value) : state;
  };
  return [...new Set([...Object.keys(seen), ...Object.keys(current)])].filter((name) => !DERIVED.includes(name) && JSON.stringify(seen[name]) !== JSON.stringify(current[name]) && current[name] !== undefined).map((name) => [name, words(seen[name]), words(current[name])]);
}

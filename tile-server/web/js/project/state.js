// The states of a project in their order, and how verdicts look.

import { badge, element } from '../element.js';
import { say, sayCode } from '../words.js';

export const STATES = ['registered', 'checked', 'consulting', 'supplementing', 'summarised', 'meeting', 'approved', 'returned', 'withdrawn'];

/** The way that most projects go, for the row of steps. */
const WAY = ['registered', 'checked', 'consulting', 'summarised', 'meeting', 'approved'];

const LOOKS = { approved: 'pass', returned: 'fail', withdrawn: 'plain', supplementing: 'warn', consulting: 'warn' };

export const stateBadge = (state) => badge(sayCode('state', state), LOOKS[state] || '');

export const verdictBadge = (verdict) => (verdict ? badge(sayCode('verdict', verdict), verdict) : element('span', {}, '–'));

export function steps(state) {
  const way = WAY.includes(state) ? WAY : state === 'supplementing' ? [...WAY.slice(0, 3), state, ...WAY.slice(3)] : [...WAY.slice(0, -1), state];
  const at = way.indexOf(state);
  return element('ol', { className: 'steps', 'aria-label': say('state') }, way.map((step, position) => element('li', { className: position < at ? 'past' : position === at ? 'now' : '', 'aria-current': position === at ? 'step' : null }, sayCode('state', step))));
}

// Surveys of the ground as choices: a dataset as of a day. What analyses made is no survey.

import { dayOf, titleOf } from '../words.js';

/** A choice of `dated` as requests want it. */
export const asked = (text) => { const [dataset, datetime] = text.split('@'); return { dataset, datetime }; };

/** What a request asks for as a choice of `dated`. */
export const choiceOf = (one) => (one ? `${one.dataset}@${one.datetime ?? ''}` : '');

/** Every revision of every elevation dataset: value and words, oldest first within a dataset. */
export const dated = (datasets) => datasets
  .filter(({ kind, properties }) => kind === 'elevation' && !properties?.result_of)
  .flatMap(({ revisions = [], ...dataset }) => [...revisions].sort((a, b) => (a.valid_from < b.valid_from ? -1 : 1)).map(({ valid_from: from }) => [`${dataset.slug}@${dayOf(from)}`, `${titleOf(dataset)} · ${dayOf(from)}`]));

// What a data audit (一数一源) says of each layer: overlaps, gaps, duplicate identifiers, codes that mean different things.

import { element, table } from '../element.js';
import { count, decimal, sum } from '../decimal.js';
import { say } from '../words.js';

/** Rows of a list shown; the workbook and the patches have all. */
const ROWS = 50;

const total = (rows = []) => `${count(rows.length)} · ${decimal(sum(rows.map((row) => row.ellipsoidal_m2 ?? 0)))} m²`;

export function audit({ layers, duplicate_subjects: subjects = [] }) {
  return [...layers.map(layer), ...(subjects.length ? [element('h3', {}, say('sameSubject')), table([
    { title: say('statLayer'), cell: (row) => row.datasets.join(' / ') },
    { title: say('sharedArea'), number: true, cell: (row) => decimal(row.shared_plane_m2) },
  ], subjects, { className: 'cards' })] : [])];
}

function layer({ title, dataset, features, features_without_ground: empty, features_with_crossing_rings: crossing, duplicate_ids: ids = [], overlaps, gaps, outside, codes = {} }) {
  const figures = [['auditFeatures', count(features)], ['overlaps', total(overlaps)], ['gaps', total(gaps)], outside?.length ? ['outsideCover', total(outside)] : null, ['duplicateIds', count(ids.length)], ['crossingRings', count(crossing)], ['withoutGround', count(empty)]].filter(Boolean);
  return element('div', {},
    element('h3', {}, title || dataset),
    element('div', { className: 'figures' }, figures.map(([name, value]) => element('div', { className: 'figure' }, element('small', {}, say(name)), element('b', {}, value)))),
    codes.refused ? element('p', { className: 'problem' }, say('codesRefused')) : null,
    codes.unknown?.length ? element('p', { className: 'note' }, say('unknownCodes', { codes: codes.unknown.join('、') })) : null,
    codes.collisions?.length ? element('details', { open: codes.collisions.length <= ROWS }, element('summary', {}, say('collisions', { n: codes.collisions.length })), table([
      { title: say('code'), cell: (row) => row.code },
      { title: say('meanings'), cell: (row) => Object.entries(row.meanings).map(([system, meaning]) => element('div', {}, `${meaning} `, element('small', { className: 'hint' }, system))) },
    ], codes.collisions.slice(0, ROWS), { className: 'cards' })) : null,
    ids.length ? element('details', { open: ids.length <= ROWS }, element('summary', {}, say('duplicateIds')), table([
      { title: say('identifier'), cell: (row) => row.id },
      { title: say('auditFeatures'), number: true, cell: (row) => count(row.features) },
    ], ids.slice(0, ROWS), { className: 'cards' })) : null);
}

// The compliance check (符合性检测): its verdict, each rule with areas both ways and its legal basis, the tables an officer files. A row zooms to the conflict.

import { badge, element, empty, facts, fill, table } from '../element.js';
import { decimal, percent } from '../decimal.js';
import { allPatches } from '../analysis/result.js';
import { dayOf, say, sayCode, told } from '../words.js';
import { areas } from './red-line.js';
import { verdictBadge } from './state.js';

const ORDER = ['fail', 'conditional', 'not_checked', 'note', 'pass'];

/** Shows a result `{ verdict, checks, … }` and its patches on the map. */
export async function showCheck(place, work, job, result, alive, { project } = {}) {
  const patches = job ? await allPatches(job, alive).catch(() => ({ features: [] })) : { features: [] };
  if (!alive() || !patches) return;
  const features = patches.features;
  const taken = features.filter(({ properties }) => properties.verdict !== 'pass');
  work.setAreas('conflicts', { type: 'FeatureCollection', features: taken.map((feature, at) => ({ type: 'Feature', id: at, properties: { ink: feature.properties.verdict === 'fail' ? '#d01f2e' : '#e08a00' }, geometry: feature.geometry })) }, { colour: ['get', 'ink'], outline: ['get', 'ink'], opacity: 0.55, width: 1.6 });
  const list = element('ul', { className: 'checks' }, [...(result.checks || [])].sort((a, b) => ORDER.indexOf(a.verdict) - ORDER.indexOf(b.verdict)).map((check) => row(check, features, work)));
  fill(place,
    element('div', { className: `verdict ${result.verdict}`, 'data-verdict': result.verdict }, element('b', {}, sayCode('verdict', result.verdict)), areas(result.red_line)),
    result.complete === false ? element('p', { className: 'note' }, say('incomplete', { n: result.not_checked?.length ?? 0 })) : null,
    list,
    indicators(result.indicators),
    element('details', {}, element('summary', {}, say('checkTables')), Object.entries(result.tables || {}).map(([name, rows]) => [element('h3', {}, say(`table_${name}`)), element('div', { className: 'wide-table' }, anyTable(rows))])),
    element('details', {}, element('summary', {}, say('tab_sources')), sourcesOf(result, project)));
}

function row(check, features, work) {
  const own = features.filter(({ properties }) => properties.rule === check.rule);
  const overlap = check.overlap;
  const item = element('li', { className: check.verdict, tabIndex: 0, 'data-rule': check.rule, role: 'button' },
    element('div', { className: 'head' }, element('b', {}, told(check, 'title') || check.rule), verdictBadge(check.verdict)),
    element('div', { className: 'what' }, told(check, 'message')),
    overlap && overlap.pieces !== 0 ? element('div', { className: 'areas' },
      element('span', {}, element('small', {}, `${say('plane')} `), `${decimal(overlap.plane_m2)} m²`), element('span', {}, element('small', {}, `${say('ellipsoidal')} `), `${decimal(overlap.ellipsoidal_m2)} m²`),
      overlap.share === undefined ? null : element('span', {}, element('small', {}, `${say('share')} `), percent(overlap.share)), overlap.pieces === undefined ? null : element('span', {}, say('pieces', { n: overlap.pieces })))
      : check.distance_m === undefined || check.distance_m === null ? null : element('div', { className: 'areas' }, element('span', {}, element('small', {}, `${say('distance')} `), `${decimal(check.distance_m)} m`)),
    check.outside?.pieces ? element('div', { className: 'areas' }, element('span', {}, element('small', {}, `${say('outside')} · ${say('plane')} `), `${decimal(check.outside.plane_m2)} m²`), element('span', {}, element('small', {}, `${say('ellipsoidal')} `), `${decimal(check.outside.ellipsoidal_m2)} m²`)) : null,
    check.exemption ? element('div', { className: 'what' }, badge(say('exemption'), 'conditional'), ' ', told(check.exemption, 'title')) : null,
    check.legal_basis ? element('div', { className: 'law' }, `${say('legalBasis')}: ${told(check, 'legal_basis')}`) : null);
  const choose = () => {
    for (const other of item.parentElement.children) other.removeAttribute('aria-selected');
    item.setAttribute('aria-selected', 'true');
    if (own.length) work.choose({ type: 'FeatureCollection', features: own.map(({ geometry }) => ({ type: 'Feature', properties: {}, geometry })) });
    else work.choose(null);
  };
  item.addEventListener('click', choose);
  item.addEventListener('keydown', (event) => { if (event.key === 'Enter' || event.key === ' ') { event.preventDefault(); choose(); } });
  return item;
}

function indicators(list) {
  if (!list?.length) return null;
  return element('div', {}, element('h3', {}, say('indicators')), anyTable(list));
}

/** Rows whose members the service chose: one column a member, areas in two decimals. */
export function anyTable(rows) {
  if (!Array.isArray(rows)) {
    if (!rows || typeof rows !== 'object') return empty(say('nothing'));
    return facts(Object.entries(rows).map(([name, value]) => [say(name), cellOf(name, value)]));
  }
  const names = [...new Set(rows.flatMap((each) => Object.keys(each)))].filter((name) => !/_en$/.test(name) && !['id', 'geometry'].includes(name));
  return table(names.map((name) => ({ title: say(name), number: rows.some((each) => typeof each[name] === 'number'), cell: (each) => cellOf(name, each[name]) })), rows, { className: 'cards' });
}

function cellOf(name, value) {
  if (value === null || value === undefined || value === '') return '–';
  if (name === 'verdict') return verdictBadge(value);
  if (typeof value === 'number') return /share/.test(name) ? percent(value) : decimal(value, /_m2$|_m$/.test(name) ? 2 : /_ha$/.test(name) ? 4 : 0);
  if (typeof value === 'boolean') return say(value ? 'yes' : 'no');
  if (Array.isArray(value)) return value.some((inner) => inner && typeof inner === 'object') ? anyTable(value) : value.join('、');
  if (typeof value === 'object') {
    if ('zh' in value) return told(value);
    return Object.entries(value).map(([key, inner]) => element('div', {}, element('small', {}, `${say(key)} `), cellOf(key, inner)));
  }
  return sayCode('value', value);
}

function sourcesOf(result) {
  const versions = result.rule_versions;
  return [
    versions ? facts(Array.isArray(versions) ? versions.map((rule) => [rule.name, rule.version]) : Object.entries(versions)) : null,
    table([{ title: say('statLayer'), cell: (source) => source.title || source.dataset || source.role }, { title: say('revision'), cell: (source) => source.revision || '–' }, { title: say('validFrom'), cell: (source) => dayOf(source.valid_from) || '–' }], result.sources || [], { className: 'cards' }),
  ];
}

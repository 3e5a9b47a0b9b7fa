// The compliance check (符合性检测): its verdict, each rule with areas both ways and its legal basis, the tables an officer files. A row zooms to the conflict.

import { badge, element, fill, table } from '../element.js';
import { count, decimal, percent } from '../decimal.js';
import { allPatches } from '../analysis/result.js';
import { dayOf, say, sayCode, told } from '../words.js';
import { ruleVersions } from '../rule-versions.js';
import { areas } from './red-line.js';
import { verdictBadge } from './state.js';

const ORDER = ['fail', 'conditional', 'not_checked', 'note', 'pass'];

/** Shows a result `{ verdict, checks, … }` at once, and its patches on the map when they are read. */
export async function showCheck(place, work, job, result, alive) {
  const found = job ? allPatches(job, alive).then((read) => read?.features || [], () => []) : Promise.resolve([]);
  const list = element('ul', { className: 'checks' }, [...(result.checks || [])].sort((a, b) => ORDER.indexOf(a.verdict) - ORDER.indexOf(b.verdict)).map((check) => row(check, found, work)));
  fill(place,
    element('div', { className: `verdict ${result.verdict}`, 'data-verdict': result.verdict }, element('b', {}, sayCode('verdict', result.verdict)), areas(result.red_line)),
    result.complete === false ? element('p', { className: 'note' }, say('incomplete', { n: result.not_checked?.length ?? 0 })) : null,
    list,
    indicators(result.indicators),
    element('details', {}, element('summary', {}, say('checkTables')), Object.entries(TABLES).map(([name, columns]) => (result.tables?.[name]?.length ? [element('h3', {}, say(`table_${name}`)), element('div', { className: 'wide-table' }, filed(result.tables[name], columns))] : null))),
    element('details', {}, element('summary', {}, say('tab_sources')), sourcesOf(result)));
  // What forbids lies on top.
  const taken = (await found).filter(({ properties }) => properties.verdict !== 'pass').sort((a, b) => (a.properties.verdict === 'fail') - (b.properties.verdict === 'fail'));
  if (!alive()) return;
  work.setAreas('conflicts', { type: 'FeatureCollection', features: taken.map((feature, at) => ({ type: 'Feature', id: at, properties: { ink: feature.properties.verdict === 'fail' ? '#d01f2e' : '#e08a00' }, geometry: feature.geometry })) }, { colour: ['get', 'ink'], outline: ['get', 'ink'], opacity: 0.55, width: 1.6 }).catch(() => {});
}

function row(check, found, work) {
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
  const choose = async () => {
    for (const other of item.parentElement.children) other.removeAttribute('aria-selected');
    item.setAttribute('aria-selected', 'true');
    const own = (await found).filter(({ properties }) => properties.rule === check.rule);
    if (own.length) work.choose({ type: 'FeatureCollection', features: own.map(({ geometry }) => ({ type: 'Feature', properties: {}, geometry })) });
    else work.choose(null);
  };
  item.addEventListener('click', choose);
  item.addEventListener('keydown', (event) => { if (event.key === 'Enter' || event.key === ' ') { event.preventDefault(); choose(); } });
  return item;
}

const AREAS = ['plane_m2', 'ellipsoidal_m2'];
const HECTARES = ['plane_ha', 'ellipsoidal_ha'];
/** The tables that an officer files, with the members of their rows, as on paper. */
const TABLES = {
  three_lines: ['title', ...AREAS, ...HECTARES, 'share', 'pieces', 'verdict'],
  land_classes: ['owner', 'title', ...AREAS, ...HECTARES],
  land_detail: ['owner', 'three_class', 'class', 'title', ...AREAS],
  balance: ['title', ...AREAS, ...HECTARES],
  occupied_parcels: ['source_id', 'number', 'class', 'class_name', 'owner', ...AREAS],
};

function filed(rows, columns) {
  return table(columns.map((name) => ({ title: say(`column_${name}`), number: /_m2$|_ha$|^share$|^pieces$/.test(name), cell: (row) => cellOf(name, row[name], row) })), rows, { className: 'cards' });
}

function cellOf(name, value, { part: within, total } = {}) {
  if (value === null || value === undefined || value === '') return '–';
  if (name === 'verdict') return verdictBadge(value);
  if (name === 'share') return percent(value);
  if (/_m2$/.test(name)) return decimal(value);
  if (/_ha$/.test(name)) return decimal(value, 4);
  if (name === 'pieces') return count(value);
  if (name !== 'title') return String(value);
  return total ? element('b', {}, value) : within ? `　${value}` : value;
}

function indicators(list) {
  if (!list?.length) return null;
  return element('div', {}, element('h3', {}, say('indicators')), table([
    { title: say('indicator'), cell: (row) => told(row, 'title') || row.name },
    { title: say('planParcel'), cell: (row) => row.parcel || '–' },
    { title: say('planLimit'), cell: (row) => String(row.limit ?? '–') },
    { title: say('asked'), cell: (row) => String(row.value ?? '–') },
    { title: say('checkResult'), cell: (row) => [verdictBadge(row.verdict), ' ', told(row, 'message')] },
  ], list, { className: 'cards' }));
}

function sourcesOf(result) {
  return [
    ruleVersions(result.rule_versions),
    table([{ title: say('statLayer'), cell: (source) => source.title || source.dataset || source.role }, { title: say('revision'), cell: (source) => source.revision || '–' }, { title: say('validFrom'), cell: (source) => dayOf(source.valid_from) || '–' }], result.sources || [], { className: 'cards' }),
  ];
}

// What an analysis found: its figures and tables as the service gave them, its patches on the map and in a table to sort, filter and choose from, its files.

import { badge, button, element, empty, fill, table } from '../element.js';
import { ruleVersions } from '../rule-versions.js';
import { count, decimal, percent } from '../decimal.js';
import { audit } from './audit.js';
import { showGrid } from '../disaster/grid-layer.js';
import { terrainChange, volumeColumns } from './terrain-change.js';
import { colours } from '../chart.js';
import { boundsOf } from '../map/work-map.js';
import { absolute, part, read } from '../service.js';
import { dayOf, isChinese, say, sayCode, told } from '../words.js';
import { ledger } from './ledger.js';

/** Patches that the page reads at most; the files hold all. */
const MAX_PATCHES = 20_000;
const PAGE = 5_000;
/** Rows of the table at a time. */
const ROWS = 200;
const EXPORTS = ['analysis.xlsx', 'patches.gpkg', 'patches-shp.zip', 'patches.geojson'];

const classesOf = (properties) => (Array.isArray(properties.classes) ? properties.classes : [properties.first, properties.second]).filter((value) => value !== undefined).map((value) => value ?? say('uncovered'));

/** What a patch is, in words. */
export function className(properties) {
  const { suspected, kind, rank, before, after } = properties;
  if (suspected !== undefined) return say(suspected ? 'withoutPermit' : 'withPermit');
  if (properties.classes !== undefined || properties.first !== undefined) return classesOf(properties).join(' / ');
  if (before || after) return `${sayCode('patchkind', kind)} ${before || '–'} → ${after || '–'}`;
  return properties.class ?? (kind === undefined ? properties.CTFL ?? (rank === undefined ? '' : say('candidate')) : sayCode('patchkind', kind));
}

export async function allPatches(id, alive) {
  const features = [];
  let matched = 0;
  for (let offset = 0; offset < MAX_PATCHES; offset += PAGE) {
    const page = await read(`analyses/jobs/${part(id)}/patches`, { limit: PAGE, offset });
    if (!alive()) return null;
    features.push(...page.features);
    matched = page.numberMatched ?? page.matched ?? features.length;
    if (page.features.length < PAGE) break;
  }
  return { features, matched };
}

export async function showResult(body, work, job, { alive, onPicker }) {
  const [result, patches] = await Promise.all([read(`analyses/jobs/${part(job.id)}/result`), allPatches(job.id, alive)]);
  if (!alive() || !patches) return;
  const files = element('div', { className: 'documents', id: 'files' }, EXPORTS.map((name) => element('a', { href: absolute(`analyses/jobs/${part(job.id)}/export/${name}`), download: '' }, say(`export_${name}`))));
  const rows = element('div', { id: 'rows' });
  const tabs = element('div', { className: 'tabs', role: 'group' });
  const views = {
    patches: () => patchTable(rows, work, patches, onPicker),
    ...(job.name === 'difference' ? { ledger: () => ledger(rows, work, job, patches.features) } : {}),
    sources: () => fill(rows, sources(result)),
  };
  const choose = (name) => {
    fill(tabs, ...Object.keys(views).map((other) => element('button', { type: 'button', 'aria-pressed': String(other === name), onclick: () => choose(other) }, say(`tab_${other}`))));
    views[name]();
  };
  for (const grid of job.grids || []) await showGrid(work, grid);
  fill(body, files, overview(result), element('h2', {}, tabs), rows);
  choose('patches');
  await draw(work, patches.features, result);
}

/** What is no difference is only hinted at. */
const counts = ({ counts_as_difference: yes }) => yes !== false;

async function draw(work, features, { matrix = [] }) {
  const names = [...new Set(features.map(({ properties }) => className(properties)))].sort();
  const printed = new Map(matrix.filter(({ rgb }) => rgb).map((row) => [className(row), `rgb(${row.rgb.join(',')})`]));
  const ink = colours(names, (name) => printed.get(name));
  const drawn = { type: 'FeatureCollection', features: features.map((feature, at) => ({ ...feature, id: at, properties: { ink: ink.get(className(feature.properties)), at, strength: counts(feature.properties) ? 0.8 : 0.2 } })) };
  await work.setAreas('patches', drawn, { colour: ['get', 'ink'], outline: '#3a3a3a', width: 0.7, opacity: ['get', 'strength'], pick: true });
  // A dozen houses in a county are not seen from above it.
  if (features.length) work.zoom(boundsOf(drawn), 0);
  work.container.querySelector('.map-key')?.remove();
  if (names.length > 1 && names.length <= 12) work.container.append(element('div', { className: 'map-key' }, names.map((name) => element('div', {}, element('span', { className: 'swatch', style: `background:${ink.get(name)}` }), name || '–'))));
}

const areaColumns = (of = (row) => row) => [
  { title: say('plane_m2'), number: true, cell: (row) => decimal(of(row).plane_m2) },
  { title: say('ellipsoidal_m2'), number: true, cell: (row) => decimal(of(row).ellipsoidal_m2) },
];

/** Members of a result that are one figure each. */
const FIGURES = ['searched', 'free', 'new_buildings', 'suspected', 'permitted', 'built_beyond_plan', 'suspected_slivers', 'built_as_planned', 'not_yet_built', 'plan_silent', 'before', 'after', 'unchanged'];

/** What an analysis says in numbers. Tables that every kind has are shown where they are. */
function overview(result) {
  const out = element('div');
  const figures = Object.entries({ ...result.totals, ...pick(result, ...FIGURES) }).flatMap(([name, value]) => figure(name, value));
  if (figures.length) out.append(element('div', { className: 'figures' }, figures));
  if (result.layers?.some(({ duplicate_ids: ids }) => ids)) out.append(...audit(result));
  if (result.level_of_detection_m !== undefined) out.append(...terrainChange(result));
  if (result.changes?.length) {
    out.append(table([{ title: say('classes'), cell: (row) => sayCode('patchkind', row.kind) }, { title: say('patches'), number: true, cell: (row) => count(row.patches) }, ...areaColumns()], result.changes, { className: 'cards' }));
    if (result.flows?.length) out.append(element('details', {}, element('summary', {}, say('flows')), table([{ title: say('classes'), cell: (row) => className(row) }, { title: say('patches'), number: true, cell: (row) => count(row.patches) }, ...areaColumns()], result.flows, { className: 'cards' })));
  }
  for (const sentence of [result.message, result.summary].filter(Boolean)) out.append(element('p', {}, told(sentence)));
  if (result.matrix?.length) {
    out.append(element('h3', {}, say('matrix')), element('div', { id: 'matrix' }, table([
      { title: say('classes'), cell: (row) => [classesOf(row).join(' / '), ' ', row.title && row.title !== classesOf(row).join('／') ? element('small', { className: 'hint' }, row.title, ' ') : null, row.counts_as_difference ? badge(say('isDifference'), 'warn') : null] },
      { title: say('patches'), number: true, cell: (row) => count(row.patches) },
      ...areaColumns(),
      { title: say('share'), number: true, cell: (row) => percent(row.share) },
    ], result.matrix, { className: 'cards' })));
  }
  if (result.by_unit?.length) {
    out.append(element('details', { id: 'by-unit' }, element('summary', {}, say('statByUnit')), table([
      { title: say('statUnits'), cell: (row) => [row.name || row.code, ' ', element('small', { className: 'hint' }, row.level)] },
      { title: say('differences'), number: true, cell: (row) => count(row.difference.patches) },
      ...areaColumns((row) => row.difference),
      { title: say('share'), number: true, cell: (row) => percent(row.difference.share) },
    ], result.by_unit, { className: 'cards' })));
  }
  if (result.taken?.length) {
    out.append(element('details', { open: true }, element('summary', {}, say('takenByLines')), table([{ title: say('controlLine'), cell: (row) => told(row, 'title') || row.rule }, ...areaColumns(), { title: say('share'), number: true, cell: (row) => percent(row.share) }], result.taken, { className: 'cards' })));
  }
  for (const row of result.not_checked || []) out.append(element('p', { className: 'note' }, `${told(row, 'title')}：${told(row, 'reason')}`));
  const { slivers } = result;
  if (slivers) out.append(element('p', { className: 'hint' }, `${say('slivers')}: ${count(slivers.patches)} · ${say('plane')} ${decimal(slivers.plane_m2)} m² · ${say('ellipsoidal')} ${decimal(slivers.ellipsoidal_m2)} m² · ${say('sliversMerged', { n: count(slivers.merged) })}`));
  for (const row of Array.isArray(result.uncovered) ? result.uncovered : []) out.append(element('p', { className: 'hint' }, `${say('uncovered')} ${titles(result, row.dataset)}: ${say('plane')} ${decimal(row.plane_m2)} m² · ${say('ellipsoidal')} ${decimal(row.ellipsoidal_m2)} m²`));
  if (result.unknown_codes?.length) out.append(element('p', { className: 'note' }, say('unknownCodes', { codes: result.unknown_codes.map(({ dataset, code, features }) => `${titles(result, dataset)} ${code} (${features})`).join('；') })));
  return out;
}

const pick = (from, ...names) => Object.fromEntries(names.filter((name) => from[name] !== undefined).map((name) => [name, from[name]]));

const titles = (result, dataset) => result.sources?.find((source) => source.dataset === dataset)?.title || dataset;

function figure(name, value) {
  if (typeof value === 'number') return [element('div', { className: 'figure' }, element('small', {}, say(name)), element('b', {}, decimal(value, /_m2$/.test(name) ? 2 : /_ha$/.test(name) ? 4 : 0)))];
  if (value && typeof value === 'object' && 'plane_m2' in value) return [element('div', { className: 'figure' }, element('small', {}, [say(name), value.patches === undefined ? null : say('patchCount', { n: count(value.patches) }), dayOf(value.valid_from)].filter(Boolean).join(' · ')), element('b', {}, decimal(value.plane_m2)), element('small', {}, `${say('ellipsoidal')} ${decimal(value.ellipsoidal_m2)}`))];
  return [];
}

function sources(result) {
  const out = element('div');
  const versions = result.rule_versions;
  if (versions) out.append(element('h3', {}, say('ruleVersions')), ruleVersions(versions));
  out.append(element('h3', {}, say('sourcesUsed')), table([
    { title: say('statLayer'), cell: (row) => row.title || row.dataset || row.source || row.role },
    { title: say('revision'), cell: (row) => row.revision || '–' },
    { title: say('validFrom'), cell: (row) => dayOf(row.valid_from) || '–' },
    { title: say('codeSystem'), cell: (row) => row.code_system || '–' },
  ], result.sources || [], { className: 'cards' }));
  return out;
}

function patchTable(place, work, { features, matched }, onPicker) {
  if (features.length === 0) { fill(place, empty(say('noPatches'))); return; }
  const differs = features.some(({ properties }) => properties.counts_as_difference === true);
  const ranked = features.some(({ properties }) => properties.rank !== undefined);
  const state = { name: '', unit: '', least: 0, differences: differs, sort: ranked ? 'rank' : 'ellipsoidal_m2', down: !ranked, shown: ROWS };
  const distinct = (of) => [...new Set(features.map(({ properties }) => of(properties)).filter(Boolean))].sort();
  const unitOf = ({ XZQMC, XZQDM }) => XZQMC || XZQDM || '';
  const idOf = ({ properties: { DKBH }, id }) => DKBH ?? id ?? '';
  const choice = (label, key, values) => (values.length < 2 ? null : element('label', {}, label, element('select', { onchange: (event) => { state[key] = event.target.value; renew(); } }, element('option', { value: '' }, say('all')), values.map((value) => element('option', { value }, value)))));
  const tally = element('p', { className: 'hint' });
  const body = element('div');
  const choose = (feature) => work.choose(feature);
  function renew() {
    const sorts = { class: ({ properties }) => className(properties), unit: ({ properties }) => unitOf(properties), id: (feature) => String(idOf(feature)) };
    const value = sorts[state.sort] || (({ properties }) => properties[state.sort] ?? 0);
    const chosen = features.filter(({ properties }) => (!state.differences || counts(properties)) && (!state.name || className(properties) === state.name) && (!state.unit || unitOf(properties) === state.unit) && (properties.ellipsoidal_m2 ?? 0) >= state.least)
      .sort((a, b) => (value(a) < value(b) ? -1 : value(a) > value(b) ? 1 : 0) * (state.down ? -1 : 1));
    const column = (title, key, cell, number) => ({ title, number, cell, sorted: state.sort === key && (state.down ? -1 : 1), sort: () => { state.down = state.sort === key ? !state.down : Boolean(number); state.sort = key; renew(); } });
    tally.textContent = say('patchTally', { n: count(chosen.length), all: count(matched) });
    const score = ranked ? [
      column(say('rank'), 'rank', ({ properties }) => String(properties.rank), true),
      column(say('score'), 'score', ({ properties }) => decimal(properties.score, 4), true),
      column(say('plane_m2'), 'plane_m2', ({ properties }) => decimal(properties.plane_m2), true),
      column(say('ellipsoidal_m2'), 'ellipsoidal_m2', ({ properties }) => decimal(properties.ellipsoidal_m2), true),
      { title: say('reasons'), cell: ({ properties }) => [(isChinese() ? properties.reasons_zh : properties.reasons_en) || []].flat().join('；') },
    ] : null;
    fill(body, table(score || [
      column(say('patchId'), 'id', idOf),
      column(say('classes'), 'class', ({ properties }) => className(properties)),
      ...(features.some(({ properties }) => unitOf(properties)) ? [column(say('statUnits'), 'unit', ({ properties }) => unitOf(properties))] : []),
      column(say('plane_m2'), 'plane_m2', ({ properties }) => decimal(properties.plane_m2), true),
      column(say('ellipsoidal_m2'), 'ellipsoidal_m2', ({ properties }) => decimal(properties.ellipsoidal_m2), true),
      ...(features[0].properties.loss ? volumeColumns() : []),
    ], chosen.slice(0, state.shown), { onRow: choose, className: 'cards' }),
    chosen.length > state.shown ? button(say('more'), () => { state.shown += ROWS; renew(); }) : '');
  }
  fill(place, element('div', { className: 'filters' }, choice(say('classes'), 'name', distinct(className)), choice(say('statUnits'), 'unit', distinct(unitOf)),
    differs ? element('label', { className: 'check' }, element('input', { type: 'checkbox', checked: true, onchange: (event) => { state.differences = event.target.checked; renew(); } }), say('onlyDifferences')) : null,
    element('label', {}, say('leastArea'), element('input', { type: 'number', min: 0, value: '', onchange: (event) => { state.least = Number(event.target.value) || 0; renew(); } }))), tally, body);
  renew();
  onPicker?.((feature) => {
    const found = features[feature.properties.at];
    choose(found);
    work.view.map.getCanvas().focus();
    tally.textContent = [idOf(found), className(found.properties), unitOf(found.properties), `${say('plane')} ${decimal(found.properties.plane_m2)} m²`, `${say('ellipsoidal')} ${decimal(found.properties.ellipsoidal_m2)} m²`].filter(Boolean).join(' · ');
  });
}

// What an assessment found, in tabs beside the map: the change, buildings, who is exposed, routes, and what it all rests on.

import { badge, button, dialog, element, empty, fill, table, toast } from '../element.js';
import { allPatches } from '../analysis/result.js';
import { terrainChange, volumeColumns } from '../analysis/terrain-change.js';
import { profile } from '../chart.js';
import { count, decimal, percent } from '../decimal.js';
import { form } from '../form.js';
import { drawAddresses } from '../map/addresses.js';
import { boundsOf } from '../map/work-map.js';
import { may } from '../person.js';
import { ruleVersions } from '../rule-versions.js';
import { absolute, part, read, send } from '../service.js';
import { dayOf, say, sayCode, told } from '../words.js';
import { changeIncident } from './facts.js';
import { hideGrid, showGrid } from './grid-layer.js';

/** Ink of a building by what became of it. */
const STATES = { destroyed: '#7f0010', buried: '#7a3e9d', damaged: '#e07b00', undetermined: '#8a8f94', unchanged: '#3f8f5f' };
const ROUTES = ['#0a6b3d', '#0b63a8', '#8a5a00', '#7a2e8e', '#00707a'];
const EXPORTS = ['analysis.xlsx', 'patches.gpkg', 'patches-shp.zip', 'patches.geojson'];
/** Rows of a table at a time. */
const ROWS = 100;

const kind = (features, ...names) => features.filter(({ properties }) => names.includes(properties.kind));
const collection = (features) => ({ type: 'FeatureCollection', features });
const figure = (name, value, more) => element('div', { className: 'figure' }, element('small', {}, name), element('b', {}, value), more ? element('small', {}, more) : null);

export async function showAssessment(place, job, incident, tools) {
  const { work, alive, onPick } = tools;
  const [result, patches] = await Promise.all([read(`analyses/jobs/${part(job.id)}/result`), allPatches(job.id, alive)]);
  if (!alive() || !patches) return;
  const { features } = patches;
  await drawMap(work, job, result, features);
  if (!alive()) return;
  const rows = element('div', { id: 'assessment-rows' });
  const tabs = element('div', { className: 'tabs', role: 'group' });
  const views = {
    tabOverview: () => overview(result, features, job, tools, incident),
    ...(result.change?.buildings ? { tabBuildings: () => buildings(result.change.buildings, features, incident, tools) } : {}),
    tabExposure: () => exposure(result, job, tools),
    tabRoutes: () => routes(result, features, tools),
    tabBasis: () => basis(result, job),
  };
  const choose = (name) => {
    fill(tabs, Object.keys(views).map((other) => element('button', { type: 'button', 'aria-pressed': String(other === name), 'data-tab': other, onclick: () => choose(other) }, say(other))));
    fill(rows, views[name]());
  };
  fill(place, tools.whatIf ? element('p', { className: 'note' }, `${tools.whatIf} · ${say('whatIfHint')}`) : null, element('h2', {}, tabs), rows);
  choose('tabOverview');
  onPick((feature) => {
    work.choose(feature, false);
    const { properties } = feature;
    toast([sayCode('patchkind', properties.kind), properties.number, properties.use, properties.people === undefined || properties.people === null ? null : say('peopleCount', { n: properties.people }), properties.state ? say(`bstate_${properties.state}`) : null].filter(Boolean).join(' · '));
  });
}

/** The difference in colours, outlines, zone, buildings by state, routes: each in its own set. */
async function drawMap(work, job, result, features) {
  await work.ready;
  const difference = job.grids?.find(({ name }) => name === 'difference');
  hideGrid(work, 'difference');
  if (difference) await showGrid(work, difference, { detection: result.change?.level_of_detection_m });
  const moved = kind(features, 'moved-ground', 'drawn-ground');
  await work.setAreas('zone', collection(kind(features, 'exposed-area')), { colour: '#d01f2e', opacity: 0.05, outline: '#d01f2e', width: 2, dash: [3, 2] });
  await work.setAreas('moved', collection(moved), { colour: '#b0122b', opacity: difference ? 0 : 0.35, outline: '#7f0010', width: 2, pick: true });
  await work.setAreas('exposed-buildings', collection(kind(features, 'exposed-building')), { colour: '#f2b705', opacity: 0.85, outline: '#6b5200', width: 0.8, pick: true });
  const ink = ['match', ['get', 'state'], ...Object.entries(STATES).flat(), '#8a8f94'];
  await work.setAreas('states', collection(kind(features, 'building')), { colour: ink, opacity: 0.95, outline: '#2b2b2b', width: 0.8, pick: true });
  await work.setAreas('cut-roads', collection(kind(features, 'cut-road')), { outline: '#c81d25', width: 4, dash: [1, 1.2] });
  const ways = kind(features, 'route').map((feature, at) => ({ ...feature, properties: { ...feature.properties, ink: ROUTES[at % ROUTES.length] } }));
  await work.setAreas('routes', collection(ways), { outline: ['get', 'ink'], width: 4, top: true });
  await work.setAreas('cut-off', collection(kind(features, 'cut-off')), { colour: '#000000', opacity: 0.5, outline: '#000000', width: 1.4 });
  await work.setAreas('islands', collection(kind(features, 'island')), { outline: '#000000', width: 4, dash: [2, 1.2] });
  await work.setAreas('shelters', collection(kind(features, 'shelter')), { outline: '#0a6b3d', top: true });
  work.zoom(boundsOf(collection(moved.length ? moved : features)), 0);
  work.container.querySelector('.map-key')?.remove();
  const rows = [
    ...(kind(features, 'exposed-area').length ? [['#d01f2e', say('patchkind_exposed-area')]] : []),
    ...Object.entries(STATES).filter(([state]) => kind(features, 'building').some(({ properties }) => properties.state === state)).map(([state, colour]) => [colour, say(`bstate_${state}`)]),
    ...(kind(features, 'exposed-building').length ? [['#f2b705', say('exposedBuildings')]] : []),
    ...(ways.length ? [[ROUTES[0], say('routes')]] : []),
  ];
  if (rows.length) work.container.append(element('div', { className: 'map-key' }, rows.map(([colour, name]) => element('div', {}, element('span', { className: 'swatch', style: `background:${colour}` }), name))));
}

function grades({ change, exposure: exposed }) {
  const card = (title, name, basis) => element('div', { className: 'grade' }, element('small', {}, title), element('b', {}, name || say('notGraded')), basis ? element('small', {}, basis) : null);
  const { danger, disaster } = exposed || {};
  return element('div', { className: 'grades' },
    card(say('scaleByVolume'), change?.scale, change?.mode === 'after-only' ? say('depthUnknown') : null),
    card(say('gradeByThreat'), danger?.class, danger?.basis_zh && told({ zh: danger.basis_zh, en: danger.basis_zh })),
    card(say('gradeByLoss'), disaster?.class, disaster?.basis_zh ?? null));
}

function overview(result, features, job, { work, draw, renew, run }, incident) {
  const { change } = result;
  const moved = kind(features, 'moved-ground');
  const estimate = change?.estimate;
  return [
    result.stamp ? element('p', {}, element('span', { className: 'stamp' }, result.stamp)) : null,
    grades(result),
    change?.message ? element('p', { className: change.message.fits ? 'hint' : 'note' }, told(change.message)) : null,
    ...(result.skipped || []).map((row) => element('p', { className: 'note' }, `${sayCode('analysis', row.part)}：${told(row)}`)),
    change?.loss ? terrainChange(change) : figure(say('movedArea'), `${decimal(change?.plane_m2)} m²`, `${say('ellipsoidal')} ${decimal(change?.ellipsoidal_m2)}`),
    estimate ? element('p', { className: 'note' }, `${say('estimate')} ${estimate.range_m3.map((m3) => decimal(m3, 0)).join(' – ')} m³。${told(estimate.message)}`) : null,
    sections(change?.sections || [], incident, { work, draw, renew, run }),
    moved.length ? [element('h3', {}, sayCode('patchkind', 'moved-ground')), table([
      { title: say('patchId'), cell: ({ id }) => id },
      { title: say('plane_m2'), number: true, cell: ({ properties }) => decimal(properties.plane_m2) },
      ...volumeColumns(),
      { title: say('travelled'), cell: ({ properties: { travel } }) => (travel ? `${decimal(travel.distance_m, 1)} m · ${decimal(travel.drop_m, 1)} m` : '–') },
    ], moved.slice(0, ROWS), { onRow: (feature) => work.choose(feature), className: 'cards' })] : null,
    element('div', { className: 'documents' }, EXPORTS.map((name) => element('a', { href: absolute(`analyses/jobs/${part(job.id)}/export/${name}`), download: '' }, say(`export_${name}`)))),
    published([...(job.grids || []), ...(job.layers || [])]),
  ];
}

/** What was found as datasets of its own, for maps elsewhere. */
function published(made) {
  if (!made.length) return null;
  const body = element('div', {}, empty(say('loading')));
  const open = async () => drawAddresses(body, await Promise.all(made.map(({ dataset, revision }) => read(`datasets/${part(`${dataset}@${revision}`)}`))));
  return element('details', { id: 'published', ontoggle: ({ target }) => { if (target.open) open().catch((problem) => fill(body, element('p', { className: 'problem' }, problem.message))); } }, element('summary', {}, say('addresses')), body);
}

/** The sections that were drawn, and drawing another: it belongs to the incident's question, so that the report prints it. */
function sections(list, incident, { work, draw, renew, run }) {
  const lines = incident.question?.sections || [];
  const place = (line, share) => {
    // Along the drawn line, by length in degrees: near enough to point at.
    const lengths = line.slice(1).map(([x, y], at) => Math.hypot((x - line[at][0]) * Math.cos((y * Math.PI) / 180), y - line[at][1]));
    let left = share * lengths.reduce((all, one) => all + one, 0);
    for (const [at, length] of lengths.entries()) {
      if (left <= length || at === lengths.length - 1) {
        const t = length ? Math.min(1, left / length) : 0;
        return line[at].map((value, axis) => value + (line[at + 1][axis] - value) * t);
      }
      left -= length;
    }
    return line[0];
  };
  const charts = list.map((section, at) => {
    const line = lines[at];
    const both = { ...section, before_m: section.before_m ?? section.after_m.map(() => null) };
    return element('div', {}, profile(both, { before: say('epochBefore'), after: say('epochAfter'), along: say('sectionAlong'), height: say('sectionHeight') }, {
      onPlace: (index) => { if (line) work.choose(index === null ? null : { type: 'Feature', properties: {}, geometry: { type: 'Point', coordinates: place(line, section.distance_m[index] / (section.length_m || 1)) } }, false); },
    }));
  });
  work.setAreas('sections', collection(lines.map((coordinates) => ({ type: 'Feature', properties: {}, geometry: { type: 'LineString', coordinates } }))), { outline: '#0f6e6e', width: 3, top: true }).catch(() => {});
  const add = () => draw(work, 'line', {
    onDone: async (line) => {
      try {
        await changeIncident(incident, { question: { sections: [...lines, line] } });
        await run();
      } catch (problem) { toast(problem.message); }
    },
  });
  return [element('h3', {}, say('section')), charts.length ? element('p', { className: 'hint' }, say('sectionHint')) : null, ...charts,
    may('lead_officer', 'officer', 'head') ? element('div', { className: 'buttons' }, button(say('drawSection'), add, { id: 'draw-section' }),
      lines.length ? button(say('remove'), () => changeIncident(incident, { question: { sections: null } }).then(renew).then(() => run()).catch((problem) => toast(problem.message))) : null) : null];
}

function buildings(found, features, incident, tools) {
  const { work } = tools;
  if (found.message) return element('p', { className: 'note' }, told(found.message));
  const place = (row) => features.find(({ id }) => id === row.id);
  return [
    element('p', { className: 'hint' }, told(found.model)),
    table([
      { title: say('buildingState'), cell: (row) => [element('span', { className: 'swatch', style: `background:${STATES[row.state]}` }), ' ', told(row, 'title')] },
      { title: say('buildings'), number: true, cell: (row) => count(row.buildings) },
      { title: say('households'), number: true, cell: (row) => count(row.households) },
      { title: say('people'), number: true, cell: (row) => count(row.people) },
    ], (found.states || []).filter(({ buildings: n, state }) => n > 0 || state !== 'undetermined'), { className: 'cards' }),
    element('div', { id: 'building-list' }, table([
      { title: say('buildingNumber'), cell: (row) => row.number },
      { title: say('buildingState'), cell: (row) => [badge(told(row, 'state') || say(`bstate_${row.state}`), row.state === 'unchanged' ? 'pass' : row.state === 'damaged' ? 'warn' : 'fail'), row.given_by_hand ? element('small', {}, ` ${say('byHand')}（${say('foundState')}：${told(row, 'found')}）${row.reason || ''}`) : null] },
      { title: say('buildingUse'), cell: (row) => [row.use, row.village].filter(Boolean).join(' · ') },
      { title: say('people'), number: true, cell: (row) => count(row.people ?? 0) },
      { title: say('evidence'), cell: (row) => evidenceWords(row) },
      { title: '', cell: (row) => (may('lead_officer', 'officer', 'head') ? button(say('setState'), () => setState(row, incident, tools)) : null) },
    ], (found.list || []).slice(0, ROWS), { onRow: (row) => { const feature = place(row); if (feature) work.choose(feature); }, className: 'cards', nothing: say('noBuildings') })),
  ];
}

const evidenceWords = ({ evidence = {}, confidence }) => [
  confidence ? told(confidence) : null,
  evidence.moved_share === undefined || evidence.moved_share === null ? null : `${say('movedShare')} ${percent(evidence.moved_share, 0)}`,
  evidence.loss?.mean_m ? `${say('loss')} ${decimal(evidence.loss.mean_m, 2)} m` : null,
  evidence.gain?.mean_m ? `${say('gain')} ${decimal(evidence.gain.mean_m, 2)} m` : null,
  evidence.drop_m ? `${say('roofDrop')} ${decimal(evidence.drop_m, 2)} m` : null,
].filter(Boolean).join(' · ');

function setState(row, incident, { states, run }) {
  const given = incident.overrides?.[row.number];
  const made = dialog(say('setStateOf', { number: row.number }), form([
    { name: 'state', label: say('buildingState'), type: 'select', options: [...states.map(({ state, title_zh: zh }) => [state, told({ zh, en: state })]), ...(given ? [['', say('keepFound')]] : [])], value: given?.state ?? row.state },
    { name: 'reason', label: say('reason'), type: 'textarea', value: given?.reason ?? '', hint: say('reasonHint') },
  ], {
    submit: say('save'),
    done: async ({ state, reason }) => {
      await changeIncident(incident, { overrides: { [row.number]: state ? { state, reason } : null } });
      made.close();
      await run();
    },
  }));
}

function exposure({ exposure: found, zone }, job, { work }) {
  if (!found) return empty(say('nothing'));
  const { houses, roads, facilities, shelters, control_lines: lines = [], missing = [], household_list: list, loss } = found;
  const place = element('div', { id: 'households' });
  const drawList = (rows, named) => fill(place,
    element('h3', {}, say('households'), ' ', named || !list?.rows?.length ? null : button(say('showNames'), async () => {
      try { const answer = await send('GET', `analyses/jobs/${part(job.id)}/households`); drawList(answer.households, true); } catch (problem) { toast(problem.message); }
    }, { id: 'show-names' })),
    named ? null : element('p', { className: 'hint' }, say('namesHint')),
    table([
      { title: say('buildingNumber'), cell: (row) => row.number },
      { title: say('buildingUse'), cell: (row) => [row.use, row.village].filter(Boolean).join(' · ') },
      { title: say('households'), number: true, cell: (row) => count(row.households) },
      { title: say('people'), number: true, cell: (row) => (row.people === null ? '–' : count(row.people)) },
      { title: say('head'), cell: (row) => row.head ?? row.head_masked ?? '–' },
      { title: say('phone'), cell: (row) => row.phone ?? row.phone_masked ?? '–' },
      { title: say('covered'), number: true, cell: (row) => percent(row.share, 0) },
    ], rows.slice(0, ROWS), { className: 'cards' }));
  drawList(list?.rows || [], false);
  return [
    zone ? element('p', { className: 'hint' }, told(zone)) : null,
    missing.length ? element('p', { className: 'note' }, say('registersMissing', { names: missing.map((row) => told(row, 'title')).join('、') })) : null,
    element('div', { className: 'figures' },
      figure(say('people'), houses ? count(houses.people) : '–'), figure(say('households'), houses ? count(houses.households) : '–'),
      figure(say('buildings'), houses ? count(houses.buildings) : '–'), figure(say('roads'), roads ? `${decimal(roads.ellipsoidal_km ?? (roads.ellipsoidal_m ?? 0) / 1000, 3)} km` : '–'),
      loss?.wan_yuan ? figure(say('potentialLoss'), decimal(loss.wan_yuan, 0), loss.basis_zh) : null),
    houses?.by_use?.length ? table([{ title: say('buildingUse'), cell: (row) => row.use || '–' }, { title: say('buildings'), number: true, cell: (row) => count(row.buildings) }, { title: say('households'), number: true, cell: (row) => count(row.households) }, { title: say('people'), number: true, cell: (row) => (row.people === null ? '–' : count(row.people)) }], houses.by_use, { className: 'cards' }) : null,
    roads?.by_road?.length ? [element('h3', {}, say('roads')), table([{ title: say('roadName'), cell: (row) => row.name || row.number || '–' }, { title: say('roadClass'), cell: (row) => row.class }, { title: say('lengthKm'), number: true, cell: (row) => decimal(row.ellipsoidal_km ?? row.ellipsoidal_m / 1000, 3) }], roads.by_road, { className: 'cards' })] : null,
    facilities?.count ? [element('h3', {}, say('facilities')), table([{ title: say('buildingUse'), cell: (row) => row.kind }, { title: say('patches'), number: true, cell: (row) => count(row.count) }, { title: say('roadName'), cell: (row) => row.named.map(({ name }) => name).join('、') }], facilities.by_kind, { className: 'cards' })] : null,
    shelters?.unusable ? element('p', { className: 'note' }, `${shelters.note_zh}：${shelters.rows.map(({ name }) => name).join('、')}`) : null,
    lines.some(({ features }) => features) ? [element('h3', {}, say('landTaken')), table([{ title: say('controlLine'), cell: (row) => told(row, 'title') }, { title: say('plane_m2'), number: true, cell: (row) => (row.plane_m2 === undefined ? '–' : decimal(row.plane_m2)) }, { title: say('ellipsoidal_m2'), number: true, cell: (row) => (row.ellipsoidal_m2 === undefined ? '–' : decimal(row.ellipsoidal_m2)) }, { title: say('auditFeatures'), number: true, cell: (row) => count(row.features) }], lines.filter(({ features }) => features), { className: 'cards' })] : null,
    place,
  ];
}

function routes({ evacuation: found, skipped = [] }, features, { work }) {
  if (!found) return skipped.filter((row) => row.part === 'evacuation').map((row) => element('p', { className: 'note' }, told(row))).concat(empty(say('nothing')));
  const { routes: list = [], shelters = [], cut_off: cutOff = {}, notices = [], people, missing = [] } = found;
  const ways = kind(features, 'route');
  const islands = kind(features, 'island');
  const persons = ({ people: n, households }) => [say('peopleCount', { n: count(n) }), say('householdCount', { n: count(households) })];
  return [
    missing.length ? element('p', { className: 'note' }, say('registersMissing', { names: missing.map((row) => told(row, 'title') || row.register).join('、') })) : null,
    ...notices.map((notice) => element('p', { className: 'note' }, told(notice))),
    people ? element('div', { className: 'figures' },
      figure(say('toMove'), ...persons(people.to_move)), figure(say('assigned'), ...persons(people.assigned)),
      figure(say('withoutShelter'), say('peopleCount', { n: count(people.without_place.people) })), figure(say('cutOff'), ...persons(cutOff.total || people.cut_off))) : null,
    element('h3', {}, say('routes')),
    table([
      { title: say('shelter'), cell: (row) => row.shelter },
      { title: say('people'), number: true, cell: (row) => count(row.people) },
      { title: say('households'), number: true, cell: (row) => count(row.households) },
      { title: say('lengthKm'), number: true, cell: (row) => decimal(row.length_km, 2) },
      { title: say('minutes'), number: true, cell: (row) => decimal(row.minutes, 1) },
      { title: say('roadsUsed'), cell: (row) => (row.roads || []).map((road) => road.name ?? road).filter(Boolean).join(' → ') },
    ], list.slice(0, ROWS), { onRow: (row) => { const way = ways.find(({ id }) => id === row.id); if (way) work.choose(way); }, className: 'cards' }),
    element('h3', {}, say('shelters')),
    table([
      { title: say('shelter'), cell: (row) => row.name },
      { title: say('capacity'), number: true, cell: (row) => (row.capacity === null ? '–' : count(row.capacity)) },
      { title: say('assigned'), number: true, cell: (row) => count(row.assigned ?? 0) },
      { title: say('freePlaces'), number: true, cell: (row) => (row.free === null || row.free === undefined ? '–' : count(row.free)) },
      { title: say('state'), cell: (row) => told(row, 'state') },
    ], shelters, { onRow: (row) => work.choose({ type: 'Feature', properties: {}, geometry: { type: 'Point', coordinates: row.at } }), className: 'cards' }),
    cutOff.rows?.length ? [element('h3', {}, say('cutOff')), table([
      { title: say('village'), cell: (row) => (row.villages || []).join('、') || '–' },
      { title: say('buildings'), number: true, cell: (row) => count(row.houses) },
      { title: say('households'), number: true, cell: (row) => count(row.households) },
      { title: say('people'), number: true, cell: (row) => count(row.people) },
    ], cutOff.rows, { onRow: (row) => { const island = islands.find(({ id }) => id === row.id); if (island) work.choose(island); }, className: 'cards' })] : null,
  ];
}

function basis(result, job) {
  return [
    result.rule_versions ? [element('h3', {}, say('ruleVersions')), ruleVersions(result.rule_versions)] : null,
    element('h3', {}, say('sourcesUsed')),
    table([
      { title: say('statLayer'), cell: (row) => row.title || row.dataset || row.source || row.role },
      { title: say('revision'), cell: (row) => row.revision || (row.source ?? '').split('@')[1] || '–' },
      { title: say('validFrom'), cell: (row) => dayOf(row.valid_from) || '–' },
    ], result.sources || [], { className: 'cards' }),
    element('p', { className: 'hint' }, job.id),
  ];
}

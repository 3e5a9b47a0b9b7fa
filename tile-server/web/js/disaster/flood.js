// 淹没分析 of an incident: a level, from where the water comes, and what it reaches; for a landslide dam the volume behind it.

import { button, drawing, element, empty, fill, table } from '../element.js';
import { count, decimal } from '../decimal.js';
import { form } from '../form.js';
import { may } from '../person.js';
import { part, read } from '../service.js';
import { say, told } from '../words.js';
import { allPatches } from '../analysis/result.js';
import { hideGrid, showGrid } from './grid-layer.js';
import { asked, choiceOf, dated } from './surveys.js';

export function flood({ work, datasets, draw, run, renew, incident, follow, alive }) {
  if (!may('lead_officer', 'officer', 'head')) return null;
  const body = element('div', {}, empty(say('loading')));
  const out = element('div', { id: 'flood-result' });
  const details = element('details', { className: 'section', id: 'flood', ontoggle: () => { if (details.open) open().catch((problem) => fill(body, element('p', { className: 'problem' }, problem.message))); } }, element('summary', {}, say('floodTool')), body, out);
  let from = null;
  let dam = null;
  const mark = () => work.setAreas('water-source', { type: 'FeatureCollection', features: [
    ...(from ? [{ type: 'Feature', properties: {}, geometry: { type: 'Point', coordinates: from } }] : []),
    ...(dam ? [{ type: 'Feature', properties: {}, geometry: { type: 'LineString', coordinates: dam } }] : []),
  ] }, { outline: '#08306b', width: 4, top: true });

  async function open() {
    const { question = {} } = await incident();
    const surveys = dated(datasets);
    const tools = element('div', { className: 'buttons' },
      button(say('pointSource'), () => draw(work, 'point', { onDone: (at) => { from = at; mark(); } }), { id: 'flood-source' }),
      button(say('drawDam'), () => draw(work, 'line', { onDone: (line) => { dam = line; mark(); } }), { id: 'flood-dam' }));
    fill(body, form([
      { name: 'surface', label: say('floodSurface'), type: 'select', options: surveys, value: choiceOf(question.after) },
      { name: 'mode', label: say('floodMode'), type: 'select', options: ['fill', 'level', 'dam'].map((mode) => [mode, say(`floodMode_${mode}`)]) },
      { name: 'level_m', label: say('floodLevel'), type: 'number', step: 'any' },
      { type: 'node', node: tools },
    ], {
      submit: say('floodTool'),
      className: 'two',
      done: async ({ surface, mode, level_m: level }) => {
        if (mode === 'fill' && !from) throw new Error(say('sourceMissing'));
        if (mode === 'dam' && !(from && dam)) throw new Error(say('sourceMissing'));
        const request = { surface: asked(surface), mode, rasters: true, ...(level === undefined ? {} : { level_m: level }), ...(mode === 'level' ? {} : { source: [from] }), ...(mode === 'dam' ? { dam } : {}) };
        const answer = await run(request);
        renew().catch(() => {});
        const job = await follow(answer.incident.jobs.at(-1));
        if (!job || !alive()) return;
        if (job.state !== 'done') throw new Error((job.problem && told(job.problem, 'detail')) || job.state);
        await showFlood(out, work, job, alive);
      },
    }));
  }
  return details;
}

async function showFlood(place, work, job, alive) {
  const [result, patches] = await Promise.all([read(`analyses/jobs/${part(job.id)}/result`), allPatches(job.id, alive)]);
  if (!alive() || !patches) return;
  const depth = job.grids?.find(({ name }) => name === 'depth');
  hideGrid(work, 'depth');
  if (depth) await showGrid(work, depth);
  const wet = { type: 'FeatureCollection', features: patches.features.filter(({ properties }) => properties.kind === 'depth-class') };
  await work.setAreas('flooded', wet, { colour: '#2a78b8', opacity: depth ? 0 : 0.35, outline: '#08306b', width: 1 });
  fill(place, floodTables(result));
}

const metres = (value, digits = 2) => (value === null || value === undefined ? '–' : `${decimal(value, digits)} m`);

/** What an inundation says in numbers. */
export function floodTables(result) {
  const { flooded = {}, classes = [], houses, roads, dam, missing = [] } = result;
  const curve = dam?.curve || [];
  const figure = (name, value, more) => element('div', { className: 'figure' }, element('small', {}, name), element('b', {}, value), more ? element('small', {}, more) : null);
  return element('div', {},
    result.message ? element('p', { className: 'note' }, told(result.message)) : null,
    missing.length ? element('p', { className: 'note' }, say('registersMissing', { names: missing.map((row) => told(row, 'title') || told(row)).join('、') })) : null,
    element('div', { className: 'figures' },
      figure(say('floodArea'), `${decimal(flooded.plane_m2)} m²`, `${say('ellipsoidal')} ${decimal(flooded.ellipsoidal_m2)}`),
      figure(say('floodVolume'), decimal(flooded.volume_m3, 0)),
      figure(say('greatestDepth'), metres(flooded.greatest_m)),
      houses ? figure(say('threatened'), say('peopleCount', { n: count(houses.people ?? 0) }), `${say('householdCount', { n: count(houses.households ?? 0) })} · ${say('buildingCount', { n: count(houses.buildings ?? houses.houses ?? 0) })}`) : null,
      roads ? figure(say('roadsCut'), `${decimal(roads.cut_km, 3)} km`) : null),
    classes.length ? table([
      { title: say('depthClass'), cell: (row) => (row.to_m === null || row.to_m === undefined ? `> ${decimal(row.from_m, 1)} m` : `${decimal(row.from_m, 1)} – ${decimal(row.to_m, 1)} m`) },
      { title: say('plane_m2'), number: true, cell: (row) => decimal(row.plane_m2) },
      { title: say('ellipsoidal_m2'), number: true, cell: (row) => decimal(row.ellipsoidal_m2) },
      { title: say('people'), number: true, cell: (row) => (row.people === null || row.people === undefined ? '–' : count(row.people)) },
    ], classes, { className: 'cards' }) : null,
    curve.length ? [element('h3', {}, say('levelCurve')), levelCurve(curve), table([
      { title: say('level'), number: true, cell: (row) => decimal(row.level_m, 2) },
      { title: say('plane_m2'), number: true, cell: (row) => decimal(row.plane_m2) },
      { title: say('floodVolume'), number: true, cell: (row) => decimal(row.volume_m3, 0) },
      { title: say('people'), number: true, cell: (row) => count(row.people ?? 0) },
      { title: say('buildings'), number: true, cell: (row) => count(row.buildings ?? row.houses ?? 0) },
    ], curve, { className: 'cards' })] : null);
}

/** Volume by level, as a line. */
function levelCurve(curve) {
  const [width, height, left, bottom] = [420, 150, 60, 24];
  const most = Math.max(...curve.map(({ volume_m3: m3 }) => m3), 1);
  const [low, high] = [curve[0].level_m, curve.at(-1).level_m];
  const x = (m3) => left + (m3 / most) * (width - left - 10);
  const y = (m) => height - bottom - ((m - low) / Math.max(high - low, 1e-9)) * (height - bottom - 12);
  const made = drawing('svg', { class: 'chart', viewBox: `0 0 ${width} ${height}`, role: 'img' });
  made.append(drawing('path', { d: curve.map((row, at) => `${at ? 'L' : 'M'}${x(row.volume_m3).toFixed(1)} ${y(row.level_m).toFixed(1)}`).join(''), fill: 'none', stroke: '#1f6fb2', 'stroke-width': 2 }));
  for (const row of [curve[0], curve.at(-1)]) made.append(drawing('text', { x: left - 6, y: y(row.level_m) + 4, 'text-anchor': 'end', 'font-size': 11 }, row.level_m.toFixed(1)));
  made.append(drawing('text', { x: width - 10, y: height - 6, 'text-anchor': 'end', 'font-size': 11 }, `${Math.round(most).toLocaleString('en')} m³`), drawing('line', { x1: left, x2: width - 10, y1: height - bottom, y2: height - bottom, stroke: '#8fa3a0' }));
  return made;
}

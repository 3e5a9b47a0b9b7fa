// Areas of a layer's classes by administrative unit, as the service's analysis states them, with simple charts.

import { element, empty, fill, table } from '../element.js';
import { bars, colours } from '../chart.js';
import { decimal, sum } from '../decimal.js';
import { form } from '../form.js';
import { part, read, send } from '../service.js';
import { withoutResults } from './catalogue.js';
import { isChinese, say, sayCode, titleOf, told } from '../words.js';

/** How often the job is asked for, milliseconds. */
const POLL_MS = 400;
const UNIT_NAMES = ['ZLDWMC', 'XZQMC', 'CJMC', 'NAME', 'MC'];

export function statisticsPanel(container, view) {
  const polygons = withoutResults(view.datasets).filter((dataset) => dataset.kind === 'features' && dataset.properties?.geometry === 'polygon');
  const units = polygons.filter((dataset) => dataset.properties.style === 'admin');
  const classed = polygons.filter((dataset) => dataset.properties.style !== 'admin');
  const shown = view.stack.fromTop().find((entry) => entry.visible && classed.includes(entry.dataset))?.dataset.slug;
  const result = element('div', { className: 'statistics-result' });
  if (units.length === 0 || classed.length === 0) {
    fill(container, empty(say('nothing')));
    return;
  }
  const choice = (datasets) => datasets.map((dataset) => [dataset.slug, titleOf(dataset)]);
  fill(container, form([
    { name: 'units', label: say('statUnits'), type: 'select', options: choice(units), value: units.find(({ slug }) => /cj/i.test(slug))?.slug },
    { name: 'layer', label: say('statLayer'), type: 'select', options: choice(classed), value: shown },
    { name: 'area', label: say('statArea'), type: 'select', options: [['ellipsoidal_m2', say('ellipsoidal_m2')], ['plane_m2', say('plane_m2')]] },
  ], {
    submit: say('statRun'),
    className: 'row',
    done: async ({ units: first, layer: second, area }) => {
      fill(result, empty(say('statRunning')));
      try {
        const unit = units.find(({ slug }) => slug === first);
        const names = unit.properties.fields?.map(({ name }) => name) || [];
        const layer = classed.find(({ slug }) => slug === second);
        const { job } = await send('POST', 'analyses/statistics', {
          units: { dataset: first, class_field: UNIT_NAMES.find((name) => names.includes(name)) },
          layer: { dataset: second, class_field: layer.properties.classes?.field },
          ...(view.datetime ? { datetime: view.datetime } : {}),
        });
        const answer = await finished(job.id);
        draw(result, answer, layer, view.stack.entries.get(second)?.style, area);
      } catch (problem) {
        fill(result);
        throw problem;
      }
    },
  }), element('p', { className: 'hint' }, say('statHint')), result);
}

/** The result of a job, once it is done. */
async function finished(id) {
  for (;;) {
    const job = await read(`analyses/jobs/${part(id)}`);
    if (job.state === 'done') return read(`analyses/jobs/${part(id)}/result`);
    if (job.state !== 'queued' && job.state !== 'running') throw new Error(told(job.problem, 'detail') || sayCode('job', job.state));
    await new Promise((done) => { setTimeout(done, POLL_MS); });
  }
}

function draw(container, { cells, by_unit: units, by_class: classes, plane, totals }, layer, style, area) {
  const legend = style?.metadata?.shikong?.legend || [];
  const item = (code) => legend.find(({ values }) => values.some((value) => value === code)) || legend.find(({ values }) => values.some((value) => /^[0-9A-Z]{1,4}$/.test(value) && code?.startsWith(value)));
  const nameOf = (code) => {
    const known = item(code);
    const words = known && (isChinese() ? known.zh : known.en);
    return code === '' ? titleOf(layer) : words && words !== code ? `${code} ${words}` : code;
  };
  // Charts and tables are of the ground inside units and inside the layer; what is in neither is told below.
  const inside = cells.filter(({ unit, class: code }) => unit !== null && code !== null);
  const within = classes.filter(({ class: code }) => code !== null).sort((a, b) => b[area] - a[area]);
  const inUnits = units.filter(({ unit }) => unit !== null).sort((a, b) => a.unit.localeCompare(b.unit, 'zh'));
  const outside = classes.find(({ class: code }) => code === null);
  const beyond = units.find(({ unit }) => unit === null);
  const ink = colours(within.map((row) => row.class), (code) => item(code)?.color);
  const areas = [{ title: say('plane_m2'), number: true, cell: (row) => decimal(row.plane_m2) }, { title: say('ellipsoidal_m2'), number: true, cell: (row) => decimal(row.ellipsoidal_m2) }];
  const rest = (label, row) => (row ? element('p', { className: 'hint' }, `${say(label)}: ${say('plane')} ${decimal(row.plane_m2)} m² · ${say('ellipsoidal')} ${decimal(row.ellipsoidal_m2)} m²`) : null);
  fill(container,
    element('h3', {}, `${say('statByUnit')} · ${titleOf(layer)}`),
    bars(inUnits.map(({ unit }) => ({ name: unit || '–', parts: inside.filter((cell) => cell.unit === unit).map((cell) => ({ value: cell[area], colour: ink.get(cell.class), title: `${unit} · ${nameOf(cell.class)}: ${decimal(cell[area])} m²` })) }))),
    element('h3', {}, say('statClasses')),
    table([{ title: say('statField'), cell: (row) => [element('span', { className: 'swatch', style: `background:${ink.get(row.class)}` }), nameOf(row.class)] }, ...areas], within),
    element('h3', {}, say('statByUnit')),
    table([{ title: say('statUnits'), cell: (row) => row.unit || '–' }, ...areas], inUnits.map(({ unit }) => ({ unit, ...sums(inside.filter((cell) => cell.unit === unit)) }))),
    rest('statNone', outside), rest('statOutside', beyond), rest('total', totals), element('p', { className: 'hint' }, plane));
}

const sums = (cells) => ({ plane_m2: sum(cells.map((cell) => cell.plane_m2)), ellipsoidal_m2: sum(cells.map((cell) => cell.ellipsoidal_m2)) });

// Areas of a layer's classes by administrative unit, as the service's overlay computes them, with simple charts.

import { element, empty, fill, table } from '../element.js';
import { bars, colours } from '../chart.js';
import { count, decimal, rounded, sum } from '../decimal.js';
import { form } from '../form.js';
import { read } from '../service.js';
import { isChinese, say, titleOf } from '../words.js';

const UNIT_NAMES = ['ZLDWMC', 'XZQMC', 'CJMC', 'NAME', 'MC'];

export function statisticsPanel(container, view) {
  const polygons = view.datasets.filter((dataset) => dataset.kind === 'features' && dataset.properties?.geometry === 'polygon');
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
        const answer = await read('overlay', { first, second, first_field: UNIT_NAMES.find((name) => names.includes(name)), second_field: layer.properties.classes?.field, datetime: view.datetime });
        draw(result, answer, layer, view.stack.entries.get(second)?.style, area);
      } catch (problem) {
        fill(result);
        throw problem;
      }
    },
  }), element('p', { className: 'hint' }, say('statHint')), result);
}

function draw(container, { matrix, crs }, layer, style, area) {
  // Of the pairs, those inside a unit: what lies outside every unit has no row.
  const pairs = matrix.filter(({ first }) => first !== null).map(({ first, second, totals }) => ({ unit: first || '–', code: second, ...totals }));
  const legend = style?.metadata?.shikong?.legend || [];
  const item = (code) => legend.find(({ values }) => values.some((value) => value === code)) || legend.find(({ values }) => values.some((value) => /^[0-9A-Z]{1,4}$/.test(value) && code?.startsWith(value)));
  const nameOf = (code) => {
    if (code === null) return say('statNone');
    const known = item(code);
    const words = known && (isChinese() ? known.zh : known.en);
    return code === '' ? titleOf(layer) : words && words !== code ? `${code} ${words}` : code;
  };
  const group = (key) => {
    const groups = new Map();
    for (const pair of pairs) groups.set(pair[key], [...(groups.get(pair[key]) || []), pair]);
    return [...groups].map(([name, members]) => ({ name, members, patches: members.reduce((all, { patches = 0 }) => all + patches, 0), plane_m2: sum(members.map((member) => member.plane_m2)), ellipsoidal_m2: sum(members.map((member) => member.ellipsoidal_m2)) }));
  };
  const within = group('code').filter(({ name }) => name !== null).sort((a, b) => b[area] - a[area]);
  const byUnit = group('unit').map((unit) => ({ ...unit, members: unit.members.filter(({ code }) => code !== null) })).sort((a, b) => String(a.name).localeCompare(b.name, 'zh'));
  const ink = colours(within.map(({ name }) => name), (code) => item(code)?.color);
  const areas = [{ title: say('plane_m2'), number: true, cell: (row) => decimal(row.plane_m2) }, { title: say('ellipsoidal_m2'), number: true, cell: (row) => decimal(row.ellipsoidal_m2) }];
  fill(container,
    element('h3', {}, `${say('statByUnit')} · ${titleOf(layer)}`),
    bars(byUnit.map(({ name, members }) => ({ name, parts: members.map((member) => ({ value: Number(member[area]), colour: ink.get(member.code), title: `${name} · ${nameOf(member.code)}: ${decimal(rounded(member[area]))} m²` })) }))),
    element('h3', {}, say('statClasses')),
    table([{ title: say('statField'), cell: (row) => [element('span', { className: 'swatch', style: `background:${ink.get(row.name)}` }), nameOf(row.name)] }, ...areas], within),
    element('h3', {}, say('statByUnit')),
    table([{ title: say('statUnits'), cell: (row) => row.name }, ...areas],
      byUnit.map(({ name, members }) => ({ name, plane_m2: sum(members.map((member) => member.plane_m2)), ellipsoidal_m2: sum(members.map((member) => member.ellipsoidal_m2)) }))),
    element('p', { className: 'hint' }, `${say('plane')}: ${crs} · ${count(pairs.length)}`));
}

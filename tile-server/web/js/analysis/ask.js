// The questions to the analyses, as forms: one entry of QUESTIONS per kind, or a list where there are several ways to ask.

import { button, element, empty, fill } from '../element.js';
import { asked, dated as surveys } from '../disaster/surveys.js';
import { form } from '../form.js';
import { draw } from '../map/draw.js';
import { drawnArea } from '../map/drawn-area.js';
import { sizeOf } from '../map/layers.js';
import { read, send } from '../service.js';
import { dayOf, isChinese, say, titleOf, told } from '../words.js';

const polygons = (datasets) => datasets.filter(({ kind, properties }) => kind === 'features' && properties?.geometry === 'polygon');
const optionsOf = (datasets) => datasets.map((dataset) => [dataset.slug, titleOf(dataset)]);
const nothing = () => ['', say('none')];

/** The code systems whose field a layer carries, where it states none: pairs of system and field. */
function fitting(dataset, systems) {
  const names = dataset?.properties?.fields?.map(({ name }) => name) || [];
  return systems.flatMap(({ id, title, fields }) => { const field = fields.find((name) => names.includes(name)); return field ? [{ id, title, field }] : []; });
}

/** A dataset as an analysis is asked for it, with the code system that it does not state itself. */
function coded(dataset, systems) {
  const [first] = dataset?.properties?.code_system ? [] : fitting(dataset, systems);
  return { dataset: dataset?.slug, ...(first ? { code_system: first.id, class_field: first.field } : {}) };
}

/** Rows of dataset, date and, where there are `systems`, code system; `values()` gives what is chosen. */
function layerRows(datasets, first, least, systems = []) {
  const list = element('div');
  const row = (slug) => {
    const days = element('select', { 'aria-label': say('asOf') });
    const choice = element('select', { 'aria-label': say('statLayer'), onchange: () => fillDays() }, optionsOf(datasets).map(([value, title]) => element('option', { value, selected: value === slug }, title)));
    const codes = element('select', { 'aria-label': say('codeSystem'), className: 'codes' });
    const fillDays = () => {
      const dataset = datasets.find((candidate) => candidate.slug === choice.value);
      const stated = dataset?.properties?.code_system;
      // A layer that states no code system is of the one whose field it carries.
      const known = fitting(dataset, systems).map(({ id, title, field }) => [`${id}|${field}`, `${title} · ${field}`]);
      const own = ['', stated || say('noCodeSystem')];
      fill(codes, [own, ...known].map(([value, title], at) => element('option', { value, selected: at === (stated || known.length === 0 ? 0 : 1) }, title)));
      fill(days, element('option', { value: '' }, say('latest')), ...(dataset?.revisions || []).map(({ valid_from: from }) => element('option', { value: dayOf(from) }, dayOf(from))));
    };
    const made = element('div', { className: 'layer-choice' }, choice, days, systems.length ? codes : null, button('×', () => { if (list.children.length > least) made.remove(); }, { className: 'close', 'aria-label': say('remove') }));
    fillDays();
    return made;
  };
  list.append(...first.map(row));
  return {
    node: element('fieldset', {}, element('legend', {}, say('layersToCompare')), list, button(say('addLayer'), () => list.append(row(datasets[0]?.slug)))),
    values: () => [...list.children].map((made) => {
      const [dataset, datetime, coded] = [...made.querySelectorAll('select')].map((select) => select.value);
      const [system, field] = coded ? coded.split('|') : [];
      return { dataset, ...(datetime ? { datetime } : {}), ...(system ? { code_system: system, class_field: field } : {}) };
    }),
  };
}

const styled = (datasets, ...styles) => datasets.filter(({ properties }) => styles.includes(properties?.style));

/** The two plans that are usually compared: that of the towns and that of the land. */
function usual(datasets) {
  const widest = (list) => [...list].sort((a, b) => sizeOf(b) - sizeOf(a))[0];
  const town = widest(styled(datasets, 'urban-plan')) || widest(styled(datasets, 'landuse-2023')) || datasets[0];
  const land = widest(styled(datasets, 'land-plan')) || datasets.find((dataset) => dataset !== town);
  return [town, land].filter(Boolean).map(({ slug }) => slug);
}

/** Tables of a name (`[[name]]`) in a rule document, as functions that give a text field. */
async function tablesOf(rule, name) {
  const { text } = await read(`rules/${rule}`);
  const tables = text.split(new RegExp(`^\\[\\[${name}\\]\\]$`, 'm')).slice(1);
  return tables.map((table) => (field) => new RegExp(`^${field}\\s*=\\s*"([^"]*)"`, 'm').exec(table)?.[1]);
}

const titled = (field, name) => (isChinese() ? null : field(`${name}_en`)) || field(`${name}_zh`) || field(name);

/** The classifications that the rule document holds: identifier and title. */
const classifications = async () => (await tablesOf('reclassification', 'classification')).map((field) => [field('id'), titled(field, 'title')]);

/** The code systems that the rule document holds, with the fields that carry their codes. */
async function codeSystems() {
  const { text } = await read('rules/reclassification');
  const list = (table, name) => [...(new RegExp(`^${name}\\s*=\\s*\\[([^\\]]*)\\]`, 'm').exec(table)?.[1] || '').matchAll(/"([^"]+)"/g)].map(([, word]) => word);
  return text.split(/^\[\[system\]\]$/m).slice(1).map((table) => ({ id: /^id\s*=\s*"([^"]*)"/m.exec(table)?.[1], title: list(table, 'names')[0], fields: list(table, 'fields') }));
}

/** The control lines that the rules know: rule and title. */
const controlLines = async () => (await tablesOf('control-lines', 'line')).map((field) => [field('rule'), titled(field, 'title')]);

/** Lines that a site is to be free of, unless the rules of the search say otherwise. */
async function usuallyFreeOf() {
  const { text } = await read('rules/site-search');
  return [...(/^free_of\s*=\s*\[([^\]]*)\]/m.exec(text)?.[1] || '').matchAll(/"([^"]+)"/g)].map(([, rule]) => rule);
}

/** A dataset as of a day, as one choice. */
const dated = (list) => list.flatMap(({ revisions = [], ...dataset }) => [...revisions].sort((a, b) => (a.valid_from < b.valid_from ? -1 : 1)).map(({ valid_from: from }) => [`${dataset.slug}@${dayOf(from)}`, `${titleOf(dataset)} · ${dayOf(from)}`]));
/** Two choices among dates, the last two to begin with. */
const pair = (options, before, after) => [
  { name: 'before', label: say(before), type: 'select', options, value: options.at(-2)?.[0] },
  { name: 'after', label: say(after), type: 'select', options, value: options.at(-1)?.[0] },
];

const QUESTIONS = {
  async difference(datasets) {
    const areas = polygons(datasets).filter(({ properties }) => properties.style !== 'admin');
    const [names, systems] = await Promise.all([classifications(), codeSystems()]);
    const layers = layerRows(areas, usual(areas), 2, systems);
    return {
      fields: [
        { type: 'node', node: layers.node },
        { name: 'classification', label: say('classification'), type: 'select', options: names },
        { name: 'units', label: say('statUnits'), type: 'select', options: [nothing(), ...optionsOf(styled(datasets, 'admin'))], value: styled(datasets, 'admin')[0]?.slug },
        { name: 'sliver', label: say('sliverBelow'), type: 'number', min: 0, step: 'any', hint: say('sliverHint') },
      ],
      request: ({ classification, units, sliver }) => ({ layers: layers.values(), classification, ...(units ? { units: { dataset: units } } : {}), ...(sliver === undefined ? {} : { sliver_below_m2: sliver }) }),
    };
  },

  async audit(datasets) {
    const layers = layerRows(datasets.filter(({ kind }) => kind === 'features'), [datasets.find(({ kind }) => kind === 'features')?.slug], 1);
    return {
      hint: say('auditHint'),
      fields: [
        { type: 'node', node: layers.node },
        { name: 'cover', label: say('auditCover'), type: 'select', options: [nothing(), ...optionsOf(styled(datasets, 'admin'))], hint: say('auditCoverHint') },
      ],
      request: ({ cover }) => ({ layers: layers.values(), ...(cover ? { cover: { dataset: cover } } : {}) }),
    };
  },

  async change(datasets) {
    const surfaces = surveys(datasets);
    const epochs = dated(polygons(datasets).filter(({ revisions = [] }) => revisions.length > 1));
    const permits = { name: 'permits', label: say('permits'), type: 'select', options: [nothing(), ...optionsOf(styled(datasets, 'permit'))], value: styled(datasets, 'permit')[0]?.slug };
    const permitted = ({ permits: slug }) => (slug ? { permits: { dataset: slug } } : {});
    const present = [...styled(polygons(datasets), 'dltb'), ...polygons(datasets).filter(({ properties }) => properties.style !== 'dltb')];
    const plans = styled(polygons(datasets), 'land-plan', 'ghfq', 'landuse-2023', 'urban-plan');
    const systems = await codeSystems();
    const layer = (slug) => coded(datasets.find((dataset) => dataset.slug === slug), systems);
    return [
      { title: say('changeBuildings'), hint: say('changeHint'), fields: [...pair(surfaces, 'surfaceBefore', 'surfaceAfter'), permits], request: (values) => ({ mode: 'buildings', before: asked(values.before), after: asked(values.after), ...permitted(values) }) },
      { title: say('changeFeatures'), hint: say('changeFeaturesHint'), fields: pair(epochs, 'epochBefore', 'epochAfter'), request: (values) => ({ mode: 'features', before: asked(values.before), after: asked(values.after) }) },
      {
        title: say('changePlan'),
        hint: say('changePlanHint'),
        fields: [{ name: 'current', label: say('currentLayer'), type: 'select', options: optionsOf(present) }, { name: 'plan', label: say('planLayer'), type: 'select', options: optionsOf(plans), value: styled(plans, 'land-plan')[0]?.slug }, permits,
          { name: 'units', label: say('statUnits'), type: 'select', options: [nothing(), ...optionsOf(styled(datasets, 'admin'))], value: styled(datasets, 'admin')[0]?.slug }],
        request: (values) => ({ mode: 'plan', current: layer(values.current), plan: layer(values.plan), ...permitted(values), ...(values.units ? { units: { dataset: values.units } } : {}) }),
      },
    ];
  },

  async 'terrain-change'(datasets, work) {
    const area = drawnArea(work);
    return {
      hint: say('terrainHint'),
      fields: [
        ...pair(surveys(datasets), 'surfaceBefore', 'surfaceAfter'),
        { type: 'node', node: area.node },
        { name: 'align', label: say('align'), type: 'select', options: [['none', say('align_none')], ['stable-ground', say('align_stable-ground')]] },
        { name: 'before_m', label: say('accuracyBefore'), type: 'number', min: 0, step: 'any', hint: say('accuracyHint') },
        { name: 'after_m', label: say('accuracyAfter'), type: 'number', min: 0, step: 'any' },
      ],
      request: ({ before, after, align, before_m: first, after_m: second }) => ({
        before: asked(before), after: asked(after), align, ...(area.value() ? { within: area.value() } : {}),
        ...(first === undefined || second === undefined ? {} : { accuracy_m: { before: first, after: second } }),
      }),
    };
  },

  async terrain(datasets, work) {
    const area = drawnArea(work);
    let places = [];
    const told = element('span', { className: 'hint' });
    const point = (at) => button(say(at ? 'targetPlace' : 'observerPlace'), () => draw(work, 'point', {
      onDone: (place) => {
        places[at] = place;
        told.textContent = places.filter(Boolean).map((one) => one.map((deg) => deg.toFixed(6)).join(', ')).join(' → ');
        work.setAreas('places', { type: 'FeatureCollection', features: places.filter(Boolean).map((coordinates) => ({ type: 'Feature', properties: {}, geometry: { type: 'Point', coordinates } })) }, { outline: '#6d28d9', top: true });
      },
    }));
    const number = (name, value, rest = {}) => ({ name, label: say(`terrain_${name}`), type: 'number', step: 'any', min: 0, value, ...rest });
    return {
      hint: say('terrainProductsHint'),
      fields: [
        { name: 'surface', label: say('floodSurface'), type: 'select', options: surveys(datasets) },
        { name: 'product', label: say('terrainProduct'), type: 'select', options: ['slope', 'aspect', 'hillshade', 'contours', 'viewshed', 'sight'].map((name) => [name, say(`terrain_${name}`)]) },
        { type: 'node', node: area.node },
        number('interval_m', 5), number('radius_m', 1_000), number('eye_m', 1.7),
        { type: 'node', node: element('div', { className: 'buttons' }, point(0), point(1), told) },
      ],
      request: ({ surface, product, interval_m: interval, radius_m: radius, eye_m: eye }) => ({
        surface: asked(surface), product, rasters: product !== 'contours' && product !== 'sight', ...(area.value() ? { within: area.value() } : {}),
        ...(product === 'contours' ? { interval_m: interval } : {}),
        ...(product === 'viewshed' ? { observer: places[0], radius_m: radius, eye_m: eye } : {}),
        ...(product === 'sight' ? { from: places[0], to: places[1], eye_m: eye } : {}),
      }),
    };
  },

  async sites(datasets, work) {
    const [lines, freeOf] = await Promise.all([controlLines(), usuallyFreeOf()]);
    return {
      hint: say('sitesHint'),
      fields: [
        { name: 'free_of', label: say('freeOf'), type: 'checks', options: lines, value: freeOf },
        { name: 'min_area_m2', label: say('leastArea'), type: 'number', min: 0, step: 'any', value: 10_000 },
        { name: 'max_mean_slope_deg', label: say('mostSlope'), type: 'number', min: 0, max: 90, step: 'any' },
        { name: 'road_required', label: say('roadRequired'), type: 'checkbox' },
      ],
      request: (values) => {
        const bounds = work.map.getBounds();
        return { within: [bounds.getWest(), bounds.getSouth(), bounds.getEast(), bounds.getNorth()].map((degrees) => Number(degrees.toFixed(7))), ...values };
      },
    };
  },
};

export function analysisForm(kind, datasets, work, onJob) {
  const place = element('div', { className: 'question' });
  const question = QUESTIONS[kind.name];
  if (!question) {
    place.append(empty(told(kind, 'about') || say('byApiOnly')));
    return place;
  }
  const one = (asked) => [asked.hint ? element('p', { className: 'hint' }, asked.hint) : null, form(asked.fields, {
    submit: say('runAnalysis'),
    done: async (values, key) => {
      const { job } = await send('POST', `analyses/${kind.name}`, asked.request(values), { key });
      onJob(job?.id || job);
    },
  })];
  question(datasets, work).then((asked) => {
    const ways = [asked].flat();
    const choose = (way) => fill(place, ways.length > 1 ? element('div', { className: 'tabs', role: 'group' }, ways.map((other) => element('button', { type: 'button', 'aria-pressed': String(other === way), onclick: () => choose(other) }, other.title))) : null, one(way));
    choose(ways[0]);
  }).catch((problem) => fill(place, element('p', { className: 'problem' }, problem.message)));
  return place;
}

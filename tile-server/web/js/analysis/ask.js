// The questions to the analyses, as forms: one entry of QUESTIONS per kind whose request is simple enough.

import { button, element, empty } from '../element.js';
import { form } from '../form.js';
import { read, send } from '../service.js';
import { dayOf, say, titleOf, told } from '../words.js';

const polygons = (datasets) => datasets.filter(({ kind, properties }) => kind === 'features' && properties?.geometry === 'polygon');
const optionsOf = (datasets) => datasets.map((dataset) => [dataset.slug, titleOf(dataset)]);
const nothing = () => ['', say('none')];

/** Rows of dataset and date; `values()` gives what is chosen. */
function layerRows(datasets, first, least) {
  const list = element('div');
  const row = (slug) => {
    const days = element('select', { 'aria-label': say('asOf') });
    const choice = element('select', { 'aria-label': say('statLayer'), onchange: () => fillDays() }, optionsOf(datasets).map(([value, title]) => element('option', { value, selected: value === slug }, title)));
    const fillDays = () => {
      const dataset = datasets.find((candidate) => candidate.slug === choice.value);
      days.replaceChildren(element('option', { value: '' }, say('latest')), ...(dataset?.revisions || []).map(({ valid_from: from }) => element('option', { value: dayOf(from) }, dayOf(from))));
    };
    const made = element('div', { className: 'layer-choice' }, choice, days, button('×', () => { if (list.children.length > least) made.remove(); }, { className: 'close', 'aria-label': say('remove') }));
    fillDays();
    return made;
  };
  list.append(...first.map(row));
  return {
    node: element('fieldset', {}, element('legend', {}, say('layersToCompare')), list, button(say('addLayer'), () => list.append(row(datasets[0]?.slug)))),
    values: () => [...list.children].map((made) => {
      const [dataset, datetime] = [...made.querySelectorAll('select')].map((select) => select.value);
      return datetime ? { dataset, datetime } : { dataset };
    }),
  };
}

/** Chosen datasets as check marks. */
const many = (name, label, datasets, value) => ({ name, label, type: 'checks', options: optionsOf(datasets), value });

const styled = (datasets, ...styles) => datasets.filter(({ properties }) => styles.includes(properties?.style));

function usual(datasets) {
  const known = (...slugs) => slugs.find((slug) => datasets.some((dataset) => dataset.slug === slug));
  const plans = styled(datasets, 'urban-plan', 'land-plan', 'landuse-2023', 'ghfq');
  const town = styled(plans, 'urban-plan')[0] || styled(plans, 'landuse-2023')[0];
  const land = styled(plans, 'land-plan')[0] || plans.find((dataset) => dataset !== town);
  return [town?.slug || known('town-plan'), land?.slug].filter(Boolean);
}

/** Names of the classifications that the rule document holds. */
async function classifications() {
  try {
    const { text = '', tables } = await read('rules/reclassification');
    const names = tables || [...text.matchAll(/^\s*\[{1,2}(?:classification|classifications|tables?)\.([\w-]+)/gm)].map(([, name]) => name);
    return [...new Set(names.length ? names : ['construction'])];
  } catch { return ['construction']; }
}

const QUESTIONS = {
  async difference(datasets) {
    const areas = polygons(datasets).filter(({ properties }) => properties.style !== 'admin');
    const layers = layerRows(areas, usual(areas), 2);
    const names = await classifications();
    return {
      fields: [
        { type: 'node', node: layers.node },
        { name: 'classification', label: say('classification'), type: 'select', options: names.map((name) => [name, sayName('classification', name)]) },
        { name: 'units', label: say('statUnits'), type: 'select', options: [nothing(), ...optionsOf(styled(datasets, 'admin'))], value: styled(datasets, 'admin')[0]?.slug },
        { name: 'sliver', label: say('sliverBelow'), type: 'number', min: 0, step: 'any', hint: say('sliverHint') },
      ],
      request: ({ classification, units, sliver }) => ({ layers: layers.values(), classification, ...(units ? { units: { dataset: units } } : {}), ...(sliver === undefined ? {} : { sliver_below_m2: sliver }) }),
    };
  },
};

const sayName = (family, name) => (say(`${family}_${name}`) === `${family}_${name}` ? name : say(`${family}_${name}`));

export function analysisForm(kind, datasets, work, onJob) {
  const place = element('div', { className: 'question' });
  const question = QUESTIONS[kind.name];
  if (!question) {
    place.append(empty(told(kind, 'about') || say('byApiOnly')));
    return place;
  }
  question(datasets, work).then(({ fields, request, hint }) => {
    place.replaceChildren(hint ? element('p', { className: 'hint' }, hint) : '', form(fields, {
      submit: say('runAnalysis'),
      done: async (values, key) => {
        const { job } = await send('POST', `analyses/${kind.name}`, request(values), { key });
        onJob(job?.id || job);
      },
    }));
  }).catch((problem) => place.replaceChildren(element('p', { className: 'problem' }, problem.message)));
  return place;
}

export { many };

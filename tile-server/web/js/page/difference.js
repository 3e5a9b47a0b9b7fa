// 差异分析: choose plans and a classification, follow the job, read its matrix, table and ledger beside the map. The other analyses are listed with it.

import { badge, button, element, empty, fill, table, toast } from '../element.js';
import { analysisForm } from '../analysis/ask.js';
import { showResult } from '../analysis/result.js';
import { fetchDatasets, withoutResults } from '../map/catalogue.js';
import { askWho, person } from '../person.js';
import { part, read, send } from '../service.js';
import { minuteOf, say, sayCode, titleOf, told } from '../words.js';
import { split } from './split.js';

/** How often a running job is asked for, milliseconds. */
const POLL_MS = 700;

/** Analyses that are asked for on other pages. */
const ELSEWHERE = ['compliance', 'statistics', 'disaster', 'inundation', 'exposure', 'evacuation'];

const stateBadge = (state) => badge(sayCode('job', state), { done: 'pass', failed: 'fail', cancelled: 'plain', running: 'warn', queued: 'warn' }[state] || 'plain');

async function home({ content, work }) {
  const [{ analyses = [], jobs = [] }, datasets] = await Promise.all([read('analyses'), fetchDatasets()]);
  const kinds = analyses.filter(({ name }) => !ELSEWHERE.includes(name)).sort((a, b) => (b.name === 'difference') - (a.name === 'difference'));
  const place = element('div');
  const tabs = element('div', { className: 'tabs', role: 'group' });
  const choose = (kind) => {
    fill(tabs, ...kinds.map((other) => element('button', { type: 'button', 'aria-pressed': String(other === kind), onclick: () => choose(other) }, told(other, 'title') || other.name)));
    fill(place, analysisForm(kind, withoutResults(datasets), work, (job) => { location.hash = `#/difference/${job}`; }));
  };
  const titleOfKind = (name) => told(analyses.find((kind) => kind.name === name), 'title') || name;
  fill(content, element('h1', {}, say('pageDifference')), element('p', { className: 'hint' }, say('differenceHint')), tabs, place,
    element('h2', {}, say('recentJobs')),
    table([
      { title: say('analysis'), cell: (job) => element('a', { href: `#/difference/${part(job.id)}` }, titleOfKind(job.name)) },
      { title: say('state'), cell: (job) => stateBadge(job.state) },
      { title: say('time'), cell: (job) => minuteOf(job.created) },
      { title: say('by'), cell: (job) => nameOf(job.by) },
    ], jobs.filter(({ name }) => !ELSEWHERE.includes(name)), { className: 'cards' }));
  if (kinds.length) choose(kinds.find(({ name }) => name === 'difference') || kinds[0]);
  else fill(place, empty(say('nothing')));
}

const nameOf = (by) => (by && typeof by === 'object' ? by.display_name || by.name : by) || '–';

/** Follows a job until it ends; `alive()` says whether anyone still looks. */
async function follow({ content, work }, id, alive, onPicker) {
  const path = `analyses/jobs/${part(id)}`;
  const datasets = await fetchDatasets().catch(() => []);
  for (;;) {
    const job = await read(path);
    if (!alive()) return;
    const head = [element('p', { className: 'crumb' }, element('a', { href: '#/difference' }, `‹ ${say('pageDifference')}`)),
      element('div', { className: 'top-row' }, element('h1', {}, sayCode('analysis', job.name)), stateBadge(job.state)),
      element('p', { className: 'hint' }, [minuteOf(job.created), nameOf(job.by), requestWords(job.request, datasets)].filter(Boolean).join(' · '))];
    if (job.state === 'done') {
      const body = element('div', {}, empty(say('loading')));
      fill(content, head, body);
      await showResult(body, work, job, { alive, onPicker });
      return;
    }
    if (job.state === 'failed' || job.state === 'cancelled') {
      fill(content, ...head, element('p', { className: 'problem' }, (job.problem && (told(job.problem, 'detail') || told(job.problem))) || sayCode('job', job.state)));
      return;
    }
    const share = Math.round((job.progress || 0) * 100);
    fill(content, ...head, element('div', { className: 'progress', role: 'progressbar', 'aria-valuenow': share, 'aria-valuemin': 0, 'aria-valuemax': 100 }, element('i', { style: `width:${share}%` })),
      element('p', {}, `${share} % ${told(job, 'doing') || ''}`),
      button(say('cancelJob'), () => send('DELETE', path).catch((problem) => toast(problem.message))));
    await new Promise((done) => { setTimeout(done, POLL_MS); });
    if (!alive()) return;
  }
}

function requestWords(request, datasets) {
  const titleOfSlug = (slug) => { const found = datasets.find((dataset) => dataset.slug === slug); return found ? titleOf(found) : slug; };
  const { layers = [], before, after, current, plan } = request || {};
  return [...layers, before, after, current, plan].filter((one) => one?.dataset).map(({ dataset, datetime }) => titleOfSlug(dataset) + (datetime ? `（${datetime}）` : '')).join(' × ');
}

export const DIFFERENCE_PAGE = {
  name: 'difference',
  title: 'pageDifference',
  async open(container, [job]) {
    if (!person.account) { askWho(container); return null; }
    let open = true;
    let picker = null;
    const parts = split(container, { bare: true, onPick: (feature) => picker?.(feature) });
    const closing = () => { open = false; parts.close(); };
    parts.content.append(empty(say('loading')));
    (job ? follow(parts, job, () => open, (onPick) => { picker = onPick; }) : home(parts))
      .catch((problem) => { if (open) parts.content.append(element('p', { className: 'problem' }, problem.message)); })
      .finally(() => { if (open) document.body.dataset.ready = 'true'; });
    return closing;
  },
};

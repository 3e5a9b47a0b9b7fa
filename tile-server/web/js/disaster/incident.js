// One incident: the question, the assessment as it runs, its result beside the map, what people state, the reports, photos and what-ifs.

import { badge, button, copy, dialog, element, empty, facts, fill, toast } from '../element.js';
import { form } from '../form.js';
import { fetchDatasets } from '../map/catalogue.js';
import { draw } from '../map/draw.js';
import { drawnArea } from '../map/drawn-area.js';
import { Swipe } from '../map/swipe.js';
import { may } from '../person.js';
import { newKey, part, read, send } from '../service.js';
import { history } from '../project/history.js';
import { minuteOf, say, sayCode, titleOf, told } from '../words.js';
import { changeIncident, factsForm, photos, reports } from './facts.js';
import { flood } from './flood.js';
import { stateBadge } from './list.js';
import { showAssessment } from './result.js';
import { asked, choiceOf, dated } from './surveys.js';

/** How often a running job is asked for, milliseconds. */
const POLL_MS = 700;
const OVER = ['done', 'failed', 'cancelled'];

export async function openIncident({ content, work }, id, alive, onPick) {
  const path = `incidents/${part(id)}`;
  const [first, datasets, { states, hazards }] = await Promise.all([read(path), fetchDatasets(), read('incidents', { limit: 1 })]);
  if (!alive()) return;
  const tools = { work, datasets, states, hazards, alive, onPick, draw };
  const place = Object.fromEntries(['head', 'question', 'progress', 'result', 'flood', 'facts', 'reports', 'photos', 'jobs', 'history'].map((name) => [name, element('div', { id: `incident-${name}` })]));
  const section = (title, ...inside) => element('details', { className: 'section' }, element('summary', {}, say(title)), ...inside);
  fill(content, place.head, place.question, place.progress, place.result, place.flood,
    element('h2', {}, say('reportsTitle')), place.reports,
    section('facts', place.facts), section('photos', place.photos), section('jobsOf', place.jobs), section('history', place.history));

  /** Draws what an answer says; the result is drawn anew only where another job is the newest. */
  let shown = null;
  const renew = async (answer = null) => {
    const now = answer ?? await read(path);
    if (!alive()) return;
    const { incident, photos: taken = [], jobs = [] } = now;
    drawHead(place.head, incident, { ...tools, renew, run });
    drawQuestion(place.question, incident, { ...tools, renew, run, assessed: jobs.some(({ link }) => link.analysis === 'disaster') });
    fill(place.facts, ...factsForm(incident, renew));
    reports(place.reports, incident, renew);
    photos(place.photos, work, incident, taken, { draw, renew });
    drawJobs(place.jobs, jobs, (job) => show(job));
    history(place.history, path).catch(() => {});
    const newest = [...jobs].reverse().find(({ link, job }) => link.analysis === 'disaster' && !link.what_if && job);
    if (!newest) fill(place.result, empty(say('notAssessed')));
    else if (newest.link.job !== shown) await show(newest);
  };

  /** Follows a job and shows what came of it. */
  const show = async ({ link }) => {
    shown = link.job;
    const job = await follow(place.progress, link, () => alive() && shown === link.job);
    if (!job) return;
    const { incident } = await read(path);
    if (!alive()) return;
    if (job.state !== 'done') {
      fill(place.result, element('p', { className: 'problem' }, (job.problem && told(job.problem, 'detail')) || sayCode('job', job.state)));
      return;
    }
    await showAssessment(place.result, job, incident, { ...tools, renew, run, whatIf: link.what_if ? link.title : null });
  };

  /** Asks an analysis of the incident and follows it. */
  async function run(question = {}) {
    const answer = await send('POST', `${path}/jobs`, question, { key: newKey() });
    await renew(await read(path));
    const link = answer.incident.jobs.at(-1);
    if (link.analysis !== 'disaster' || link.what_if) await show({ link });
    return link;
  }

  fill(place.flood, flood({ ...tools, run: (request) => send('POST', `${path}/jobs`, { analysis: 'inundation', request, title: say('floodTool') }, { key: newKey() }), renew, incident: () => read(path).then(({ incident }) => incident), follow: (link) => follow(place.progress, link, alive) }));
  await renew(first);
}

/** Asks for a job until it is over; null where nobody looks any more. */
async function follow(place, link, alive) {
  const path = `analyses/jobs/${part(link.job)}`;
  for (;;) {
    const job = await read(path);
    if (!alive()) return null;
    if (OVER.includes(job.state)) { fill(place); return job; }
    const share = Math.round((job.progress || 0) * 100);
    fill(place, element('div', { className: 'progress', role: 'progressbar', 'aria-valuenow': share, 'aria-valuemin': 0, 'aria-valuemax': 100 }, element('i', { style: `width:${share}%` })),
      element('p', { className: 'hint' }, `${say('assessing')} · ${link.title} · ${share} % ${told(job, 'doing') || ''} `, button(say('cancelJob'), () => send('DELETE', path).catch((problem) => toast(problem.message)))));
    await new Promise((done) => { setTimeout(done, POLL_MS); });
    if (!alive()) return null;
  }
}

/** Title and day of a survey that a question names. */
const surveyWords = (one, datasets) => { const found = datasets.find(({ slug }) => slug === one?.dataset); return one ? [found ? titleOf(found) : one.dataset, one.datetime].filter(Boolean).join(' · ') : say('noSurveyBefore'); };

function drawHead(place, incident, { work, datasets, hazards, renew, ...tools }) {
  const { question = {} } = incident;
  const toggle = button(say('swipe'), () => {
    if (work.swipe) { work.swipe.remove(); work.swipe = null; toggle.setAttribute('aria-pressed', 'false'); return; }
    const days = [question.before, question.after].map((one) => one?.datetime);
    if (!days[0] || !days[1]) { toast(say('noSurveyBefore')); return; }
    // The earlier day shows what the map shows: pictures and relief, and nothing of the plans.
    work.swipe = new Swipe(work, ...days, (dataset) => (dataset.kind === 'features' ? 0 : null));
    toggle.setAttribute('aria-pressed', 'true');
  }, { id: 'swipe-button', 'aria-pressed': String(Boolean(work.swipe)) });
  const writer = may('lead_officer', 'officer', 'head');
  const edit = () => {
    const local = new Date(new Date(incident.occurred).getTime() - new Date().getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
    const made = dialog(say('editIncident'), form([
      { name: 'name', label: say('incidentName'), required: true, value: incident.name },
      { name: 'hazard', label: say('hazard'), type: 'select', options: hazards.map((name) => [name, name]), value: incident.hazard },
      { name: 'occurred', label: say('occurred'), type: 'datetime-local', required: true, value: local },
      { name: 'place', label: say('place'), value: incident.place },
    ], { submit: say('save'), className: 'two', done: async ({ occurred, ...values }) => { const answer = await changeIncident(incident, { ...values, occurred: new Date(occurred).toISOString() }); made.close(); renew(answer); } }));
  };
  fill(place,
    element('p', { className: 'crumb' }, element('a', { href: '#/disaster' }, `‹ ${say('pageDisaster')}`)),
    element('div', { className: 'top-row' }, element('h1', {}, incident.name), stateBadge(incident.state)),
    facts([[say('hazard'), incident.hazard], [say('occurred'), minuteOf(incident.occurred)], [say('place'), incident.place], [say('surveyBefore'), surveyWords(question.before, datasets)], [say('surveyAfter'), surveyWords(question.after, datasets)]]),
    element('div', { className: 'action-bar', role: 'toolbar' }, toggle, button(say('shareLink'), () => copy(location.href)),
      writer ? button(say('whatIfZone'), () => draw(work, 'polygon', {
        onDone: (rings) => tools.run({ what_if: true, title: `${say('whatIf')} ${minuteOf(new Date())}`, request: { within: areaOf(rings) } }).catch((problem) => toast(problem.message)),
      }), { title: say('whatIfHint') }) : null,
      writer ? button(say('editIncident'), edit) : null));
}

/** Drawn rings as requests state an area. */
export const areaOf = (rings) => ({ crs: 'EPSG:4490', parcels: rings.map((ring) => ({ name: say('markArea'), polygons: [[[...ring, ring[0]]]] })) });

function drawQuestion(place, incident, { work, datasets, run, assessed, renew }) {
  if (!may('lead_officer', 'officer', 'head')) { fill(place); return; }
  const surveys = dated(datasets);
  const { question = {} } = incident;
  const area = drawnArea(work, question.within);
  const body = form([
    { name: 'before', label: say('surveyBefore'), type: 'select', options: [...surveys, ['', say('noSurveyBefore')]], value: choiceOf(question.before) },
    { name: 'after', label: say('surveyAfter'), type: 'select', options: surveys, value: choiceOf(question.after) },
    { type: 'node', node: area.node },
    { name: 'align', label: say('align'), type: 'select', options: ['none', 'stable-ground', 'stable-ground-and-tilt'].map((name) => [name, say(`align_${name}`)]), value: question.align },
    { name: 'before_m', label: say('accuracyBefore'), type: 'number', min: 0, step: 'any', value: question.accuracy_m?.before, hint: say('accuracyHint') },
    { name: 'after_m', label: say('accuracyAfter'), type: 'number', min: 0, step: 'any', value: question.accuracy_m?.after },
  ], {
    submit: say(assessed ? 'assessAgain' : 'assess'),
    className: 'two',
    done: async (values) => {
      const both = values.before_m !== undefined && values.after_m !== undefined;
      const change = {
        before: values.before ? asked(values.before) : null, after: asked(values.after), within: area.value(), align: values.align === 'none' ? null : values.align,
        accuracy_m: both ? { before: values.before_m, after: values.after_m } : null,
      };
      await changeIncident(incident, { question: change });
      await run();
    },
  });
  fill(place, element('details', { className: 'section', open: !assessed }, element('summary', {}, say('surveysAndArea')), element('p', { className: 'hint' }, say('assessHint')), body));
}

function drawJobs(place, jobs, show) {
  fill(place, jobs.length === 0 ? empty(say('nothing')) : element('ol', { className: 'timeline-list' }, [...jobs].reverse().map(({ link, job }) => element('li', {},
    element('b', {}, link.title), ' ', link.what_if ? badge(say('whatIf'), 'plain') : null, ' ', job ? badge(sayCode('job', job.state), job.state === 'failed' ? 'fail' : 'plain') : null,
    element('small', {}, [minuteOf(link.at), link.by?.name].filter(Boolean).join(' · ')),
    link.analysis === 'disaster' ? button(say('showThis'), () => show({ link }).catch((problem) => toast(problem.message))) : element('a', { href: `#/difference/${part(link.job)}` }, say('showThis'))))));
}


// One project: where it stands, its red line, the check, the departments' opinions, what may be done now, its documents and its history.

import { button, dialog, element, empty, facts, fill, toast } from '../element.js';
import { conflict } from '../conflict.js';
import { changed, form } from '../form.js';
import { may } from '../person.js';
import { absolute, part, read, send } from '../service.js';
import { dayOf, minuteOf, say, sayCode, told } from '../words.js';
import { actionBar } from './actions.js';
import { showCheck } from './checks.js';
import { history } from './history.js';
import { FIGURES, landUseWords, projectFields } from './list.js';
import { opinions } from './opinions.js';
import { bring, show, versions } from './red-line.js';
import { stateBadge, steps } from './state.js';

/** States in which the red line may still change. */
const OPEN_TO_CHANGE = ['registered', 'checked', 'supplementing'];

/** `fresh` is the answer of a check that was just made: it need not be read again. */
export async function openProject({ content, work }, id, alive, fresh = null) {
  const path = `projects/${part(id)}`;
  const answer = await read(path);
  if (!alive()) return;
  const project = answer.project || answer;
  const check = element('div', { id: 'check' });
  const reload = (made = null) => openProject({ content, work }, id, alive, made);
  const runCheck = async () => {
    fill(check, empty(say('checking')));
    // The red line is there whatever becomes of its check.
    let refused = null;
    const made = await send('POST', `${path}/checks`, {}).catch((problem) => { refused = problem; });
    if (!alive()) return;
    await reload(made);
    if (refused) toast(refused.message);
  };
  const changeable = project.actions ? project.actions.includes('red_line') : may('lead_officer') && OPEN_TO_CHANGE.includes(project.state);
  const sections = {
    opinions: element('div'),
    documents: element('div', { className: 'documents', id: 'documents' }),
    notes: element('div'),
    history: element('div'),
  };
  fill(content,
    element('p', { className: 'crumb' }, element('a', { href: '#/projects' }, `‹ ${say('pageProjects')}`)),
    element('div', { className: 'top-row' }, element('h1', {}, project.name), stateBadge(project.state)),
    steps(project.state),
    facts([[say('projectCode'), project.code], [say('applicant'), [project.applicant, project.contact].filter(Boolean).join(' · ')], [say('landUse'), landUseWords(project.land_use)], [say('projectKind'), project.kind ? sayCode('kind', project.kind) : null], ...FIGURES.map((name) => [say(name), project[name] === undefined || project[name] === null ? null : String(project[name])]), [say('officerOf'), [project.officer?.name, project.lead_unit?.name].filter(Boolean).join(' · ')],
      ...(project.numbers || []).map((number) => [sayCode('number', number.kind), `${number.number}（${dayOf(number.date)}）`])]),
    (project.withdrawn_revisions || []).map(({ dataset, revision, reason }) => element('p', { className: 'problem' }, say('reliedOnWithdrawn', { dataset, revision, reason }))),
    actionBar(project, { work, reload, edit: changeable ? () => edit(project, reload) : null }),
    element('h2', {}, say('redLine')),
    changeable ? bring(project, work, runCheck) : null,
    project.red_line ? versions(project, work) : empty(say('noRedLine')),
    element('h2', {}, say('check'), project.red_line && changeable ? button(say('checkAgain'), () => runCheck().catch((problem) => toast(problem.message)), { id: 'check-button' }) : null), check,
    element('h2', {}, say('opinions')), sections.opinions, statements(project),
    element('h2', {}, say('documents')), sections.documents,
    element('h2', {}, say('notes')), sections.notes,
    element('h2', {}, say('history')), sections.history);
  opinions(sections.opinions, project, work);
  const each = (place, task) => task.catch((problem) => { if (alive()) fill(place, element('p', { className: 'problem' }, problem.message)); });
  await Promise.all([
    project.red_line ? each(check, show(project, work, project.red_line.version, !work.shown)) : null,
    each(check, latestCheck(check, work, project, alive, fresh)),
    each(sections.documents, documents(sections.documents, path)),
    each(sections.notes, notes(sections.notes, path, work)),
    each(sections.history, history(sections.history, path)),
  ]);
  work.shown = true;
}

async function latestCheck(place, work, project, alive, fresh) {
  if (!project.check) { fill(place, empty(say(project.red_line ? 'notChecked' : 'checkNeedsLine'))); return; }
  const { job, at, current } = project.check;
  const body = element('div', {}, empty(say('loading')));
  fill(place, element('p', { className: current === false ? 'note' : 'hint' }, [`${say('checkedAt')} ${minuteOf(at)}`, current === false ? say('checkOutdated') : null].filter(Boolean).join(' · ')), body);
  const result = fresh?.job === job ? fresh.result : await read(`analyses/jobs/${part(job)}/result`);
  if (alive()) await showCheck(body, work, job, result, alive);
}

async function documents(place, path) {
  const { documents: list = [] } = await read(`${path}/documents`);
  fill(place, ...list.map((document) => element('a', { href: absolute(`${path}/documents/${part(document.file || document.name)}`), download: '', 'data-document': document.file || document.name }, told(document, 'title') || document.file || document.name)));
  if (list.length === 0) place.append(empty(say('noDocuments')));
}

async function notes(place, path, work) {
  const { notes: list = [] } = await read(`${path}/notes`);
  fill(place, ...list.map((note) => element('div', { className: 'opinion' }, element('div', { className: 'head' }, element('b', {}, [note.by?.name, note.unit?.name].filter(Boolean).join(' · ')), button(say('zoomThere'), () => work.choose({ type: 'Feature', properties: {}, geometry: { type: 'Point', coordinates: note.lon_lat_height.slice(0, 2) } }))), element('p', {}, note.text))));
  if (list.length === 0) place.append(empty(say('noNotes')));
  work.setAreas('notes', { type: 'FeatureCollection', features: list.map((note) => ({ type: 'Feature', properties: {}, geometry: { type: 'Point', coordinates: note.lon_lat_height.slice(0, 2) } })) }, { outline: '#0f6e6e', top: true }).catch(() => {});
}

/** What the lead unit said: what is to be supplied, the summary, the minutes, the decision. */
function statements({ supplements = [], summary, minutes = [], decision }) {
  const said = [...supplements.map((one) => ['act_ask_supplement', one]), ...(summary ? [['summaryText', summary]] : []), ...minutes.map((one) => ['meetingNotes', one]), ...(decision ? [['decision', decision]] : [])];
  return said.map(([label, one]) => element('div', { className: 'opinion' }, element('div', { className: 'head' }, element('b', {}, say(label), one.approve === undefined ? '' : `：${say(one.approve ? 'state_approved' : 'state_returned')}`), element('small', { className: 'hint' }, `${one.by.name} ${minuteOf(one.at)}`)), element('p', {}, one.text)));
}

function edit(project, reload) {
  const fields = projectFields(project);
  const made = dialog(say('editProject'), form(fields, {
    submit: say('save'),
    className: 'two',
    done: async (values) => {
      await conflict(project, (version) => send('PATCH', `projects/${part(project.id)}`, { version, ...Object.fromEntries(Object.entries(changed(fields, values)).map(([name, value]) => [name, value ?? null])) }));
      made.close();
      toast(say('saved'));
      await reload();
    },
  }));
}


// The tasks of the person first, then the projects to look through, and registering one.

import { badge, button, dialog, element, empty, fill, table } from '../element.js';
import { form } from '../form.js';
import { may, person } from '../person.js';
import { part, read, send } from '../service.js';
import { dayOf, minuteOf, say, sayCode } from '../words.js';
import { STATES, stateBadge, verdictBadge } from './state.js';

const PAGE = 50;

export async function openList(place) {
  const tasks = element('div');
  const list = element('div');
  const filter = { q: '', state: '', mine: '', offset: 0 };
  const draw = async () => {
    const { projects, matched } = await read('projects', { ...filter, limit: PAGE });
    fill(list, table([
      { title: say('projectName'), cell: (project) => element('a', { href: `#/projects/${part(project.id)}` }, project.name) },
      { title: say('projectCode'), cell: (project) => project.code },
      { title: say('applicant'), cell: (project) => project.applicant },
      { title: say('landUse'), cell: (project) => landUseWords(project.land_use) },
      { title: say('checkResult'), cell: (project) => verdictBadge(project.check?.verdict) },
      { title: say('state'), cell: (project) => stateBadge(project.state) },
      { title: say('changed'), cell: (project) => minuteOf(project.updated || project.created) },
    ], projects, { className: 'cards', nothing: say('noProjects') }),
    element('div', { className: 'buttons' },
      filter.offset > 0 ? button(say('previous'), () => { filter.offset -= PAGE; draw().catch(tell); }) : null,
      (matched ?? 0) > filter.offset + projects.length ? button(say('next'), () => { filter.offset += PAGE; draw().catch(tell); }) : null));
  };
  const tell = (problem) => fill(list, element('p', { className: 'problem' }, problem.message));
  const change = (name) => (event) => { filter[name] = event.target.type === 'checkbox' ? (event.target.checked ? 'true' : '') : event.target.value.trim(); filter.offset = 0; draw().catch(tell); };
  fill(place,
    element('div', { className: 'top-row' }, element('h1', {}, say('myTasks')), may('lead_officer') ? button(say('register'), register, { className: 'primary', id: 'register-button' }) : null), tasks,
    element('h2', {}, say('projects')),
    element('div', { className: 'filters' },
      element('label', {}, say('search'), element('input', { type: 'search', placeholder: say('searchProjects'), onchange: change('q') })),
      element('label', {}, say('state'), element('select', { onchange: change('state') }, element('option', { value: '' }, say('all')), STATES.map((state) => element('option', { value: state }, sayCode('state', state))))),
      element('label', { className: 'check' }, element('input', { type: 'checkbox', onchange: change('mine') }), say('mine'))),
    list);
  await Promise.all([draw(), drawTasks(tasks)]);
}

export const landUseWords = (landUse) => (landUse ? [landUse.code, landUse.name].filter(Boolean).join(' ') || '–' : '–');

async function drawTasks(place) {
  const [{ tasks = [], awaited = [] }, { units = [] }] = await Promise.all([read('tasks'), read('units')]);
  const nameOf = (id) => [...units, person.account?.unit].find((unit) => unit?.id === id)?.name || id;
  const counter = document.getElementById('task-count');
  counter.hidden = tasks.length === 0;
  counter.textContent = tasks.length;
  const one = (task) => {
    const { project } = task;
    return element('a', { className: `task ${task.overdue ? 'late' : task.remind ? 'soon' : ''}`, href: `#/projects/${part(project.id)}` },
      element('span', {}, badge(sayCode('act', task.action)), ' ', element('b', {}, project.name), ' ', element('small', {}, project.code || '')),
      element('span', {}, task.due ? badge(`${say(task.overdue ? 'overdueSince' : task.remind ? 'dueSoon' : 'due')} ${dayOf(task.due)}`, task.overdue ? 'fail' : task.remind ? 'warn' : 'plain') : null),
      element('small', {}, nameOf(task.unit)));
  };
  fill(place, tasks.length ? tasks.map(one) : empty(say('noTasks')), awaited.length ? [element('h2', {}, say('toRemind')), element('div', { id: 'to-remind' }, awaited.map(one))] : null);
}

/** Kinds of project that the rules of the control lines tell apart. */
const KINDS = ['general', 'linear', 'major', 'resident', 'disaster', 'water', 'heritage-work'];
/** Figures that the detailed plan limits; left empty they are not compared. */
export const FIGURES = ['far', 'building_density_percent', 'green_percent', 'height_m'];

const SYSTEMS = ['自然资发〔2023〕234号', 'TD/T 1055-2019', 'GB 50137-2011'].map((system) => [system, system]);

export const projectFields = (project = {}) => [
  { name: 'name', label: say('projectName'), required: true, value: project.name, maxLength: 200 },
  { name: 'code', label: say('projectCode'), required: true, value: project.code, maxLength: 64, hint: say('codeHint') },
  { name: 'applicant', label: say('applicant'), required: true, value: project.applicant, maxLength: 200 },
  { name: 'contact', label: say('contact'), value: project.contact, maxLength: 200 },
  { name: 'land_use_code', label: say('landUseCode'), required: true, value: project.land_use?.code, hint: say('landUseHint'), pattern: '[0-9A-Z]{2,8}' },
  { name: 'land_use_system', label: say('codeSystem'), type: 'select', options: SYSTEMS, value: project.land_use?.system },
  { name: 'kind', label: say('projectKind'), type: 'select', options: KINDS.map((kind) => [kind, sayCode('kind', kind)]), value: project.kind },
  ...FIGURES.map((name) => ({ name, label: say(name), type: 'number', min: 0, step: 'any', value: project[name] })),
];

function register() {
  const made = dialog(say('register'), form(projectFields(), {
    submit: say('register'),
    className: 'two',
    done: async (values, key) => {
      const body = Object.fromEntries(Object.entries(values).filter(([, value]) => value !== '' && value !== undefined));
      const answer = await send('POST', 'projects', body, { key });
      made.close();
      location.hash = `#/projects/${part((answer.project || answer).id)}`;
    },
  }));
  made.querySelector('input').focus();
}

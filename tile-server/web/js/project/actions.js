// What may be done with a project now, by its state and by who acts; each deed is a small form. One entry of ACTIONS per deed. The service decides; what it would refuse is left out here.

import { button, dialog, element, setAside, toast } from '../element.js';
import { conflict } from '../conflict.js';
import { form } from '../form.js';
import { draw } from '../map/draw.js';
import { isOf, may, person } from '../person.js';
import { newKey, part, read, send } from '../service.js';
import { say, sayCode } from '../words.js';

const hint = (key) => ({ type: 'node', node: element('p', { className: 'hint' }, say(key)) });
const text = (label, required = true) => ({ name: 'text', label: say(label), type: 'textarea', required });
const VERDICTS = ['agree', 'conditional', 'disagree', 'not_concerned'];
const NUMBER_KINDS = ['site_opinion', 'land_permit', 'works_permit', 'other'];
/** Working days that a department is given unless the sender says otherwise. */
const USUAL_DAYS = 5;

/** The consultations that the person speaks for; in the demonstration every one. */
const mine = (project, ...states) => (project.consultations || []).filter(({ unit, state }) => isOf(unit.id) && (states.length === 0 || states.includes(state)));
const OVER = ['approved', 'returned', 'withdrawn'];
const ASKED = ['consulting', 'supplementing'];

const ACTIONS = [
  { name: 'send', when: (project) => may('lead_officer') && ['checked', 'consulting'].includes(project.state), primary: 'checked', open: sendRound },
  { name: 'opinion', when: (project) => may('officer') && ASKED.includes(project.state) && mine(project).length > 0, primary: 'consulting', open: giveOpinion },
  { name: 'sign', when: (project) => may('head') && ASKED.includes(project.state) && mine(project, 'drafted').length > 0, primary: 'consulting', open: (project, tools) => forUnit('sign', project, tools, [hint('signHint')], ['drafted']) },
  { name: 'send_back', when: (project) => may('head') && ASKED.includes(project.state) && mine(project, 'drafted').length > 0, open: (project, tools) => forUnit('send_back', project, tools, [text('sendBackWhy')], ['drafted']) },
  { name: 'ask_supplement', when: (project) => ASKED.includes(project.state) && (may('lead_officer') || (may('officer') && mine(project, 'asked', 'drafted').length > 0)), open: (project, tools) => forUnit('ask_supplement', project, tools, [text('supplementWhat')], ['asked', 'drafted']) },
  { name: 'resubmit', when: (project) => may('lead_officer') && ['supplementing', 'returned'].includes(project.state), primary: 'supplementing', open: (project, tools) => simple('resubmit', project, tools, [hint('resubmitHint'), text('resubmitWhat')]) },
  { name: 'summarise', when: (project) => may('lead_officer') && project.state === 'consulting', open: (project, tools) => simple('summarise', project, tools, [hint('summariseHint'), text('summaryText')]) },
  { name: 'meet', when: (project) => may('lead_officer') && ['summarised', 'meeting'].includes(project.state), open: (project, tools) => simple('meet', project, tools, [text('meetingNotes')]) },
  { name: 'decide', when: (project) => may('head') && ['summarised', 'meeting'].includes(project.state), primary: 'meeting', open: (project, tools) => simple('decide', project, tools, [{ name: 'approve', label: say('decision'), type: 'select', options: [['true', say('state_approved')], ['false', say('state_returned')]] }, text('decisionText')], ({ approve, ...rest }) => ({ approve: approve === 'true', ...rest })) },
  { name: 'number', when: (project) => may('lead_officer') && project.state === 'approved', open: (project, tools) => simple('number', project, tools, [{ name: 'kind', label: say('numberKind'), type: 'select', options: NUMBER_KINDS.map((kind) => [kind, sayCode('number', kind)]) }, { name: 'number', label: say('numberText'), required: true }, { name: 'date', label: say('date'), type: 'date', required: true }]) },
  { name: 'note', when: () => may('lead_officer', 'officer', 'head'), open: addNote },
  { name: 'hand_over', when: (project) => may('lead_officer', 'head') && !OVER.includes(project.state), open: handOver },
  { name: 'withdraw', when: (project) => may('lead_officer') && !OVER.includes(project.state), open: (project, tools) => simple('withdraw', project, tools, [text('withdrawWhy', false)], undefined, true) },
];

export function actionBar(project, tools) {
  const allowed = project.actions;
  const list = ACTIONS.filter(({ name, when }) => (allowed && name !== 'note' ? allowed.includes(name) : when(project)));
  return element('div', { className: 'action-bar', role: 'toolbar' },
    list.map((action) => button(say(`act_${action.name}`), () => action.open(project, tools), { className: action.primary === project.state ? 'primary' : '', 'data-action': action.name })),
    tools.edit ? button(say('editProject'), tools.edit) : null);
}

/** Does a deed under the version that was seen; a stale one shows what changed and may be repeated. */
async function act(project, { reload }, action, values) {
  const keys = new Map();
  const keyOf = (version) => { if (!keys.has(version)) keys.set(version, newKey()); return keys.get(version); };
  await conflict(project, (version) => send('POST', `projects/${part(project.id)}/actions`, { action, version, ...values }, { key: keyOf(version) }));
  toast(say('done_action', { action: say(`act_${action}`) }));
  await reload();
}

function simple(action, project, tools, fields, values = (given) => given, danger = false) {
  const made = dialog(say(`act_${action}`), form(fields, {
    submit: say(`act_${action}`),
    danger,
    done: async (given) => {
      await act(project, tools, action, values(given));
      made.close();
    },
  }));
  made.querySelector('textarea, input, select')?.focus();
}

/** For the one department that the person speaks for; in the demonstration one is chosen. */
function unitField(project, states) {
  const units = mine(project, ...states).map(({ unit }) => [unit.id, unit.name]);
  return person.open && units.length ? { name: 'unit', label: say('department'), type: 'select', options: units } : null;
}

const forUnit = (action, project, tools, fields, states) => simple(action, project, tools, [unitField(project, states), ...fields]);

async function sendRound(project, tools) {
  const { units = [] } = await read('units').catch((problem) => { toast(problem.message); return {}; });
  const asked = new Set((project.consultations || []).map(({ unit }) => unit?.id ?? unit));
  const open = units.filter(({ id, active, parent }) => active !== false && !asked.has(id) && (units.length < 3 || parent || units.every((unit) => !unit.parent)));
  const rows = open.map((unit) => ({
    unit,
    chosen: element('input', { type: 'checkbox', value: unit.id, 'data-unit': unit.name }),
    days: element('input', { type: 'number', min: 0, max: 250, value: USUAL_DAYS, 'aria-label': `${unit.name} ${say('workingDays')}` }),
  }));
  const table = element('div', { className: 'unit-days' }, element('b', {}, say('department')), element('b', {}, say('workingDays')),
    rows.map(({ unit, chosen, days }) => [element('label', { className: 'check' }, chosen, unit.name), days]));
  const made = dialog(say('act_send'), form([{ type: 'node', node: table }], {
    submit: say('act_send'),
    done: async () => {
      const chosen = rows.filter((row) => row.chosen.checked).map(({ unit, days }) => ({ id: unit.id, days: days.value === '' ? USUAL_DAYS : Number(days.value) }));
      if (chosen.length === 0) throw new Error(say('chooseUnits'));
      await act(project, tools, 'send', { units: chosen });
      made.close();
    },
  }));
}

function giveOpinion(project, tools) {
  let geometry = null;
  const marked = element('span', { className: 'hint' });
  const mark = (kind, shape) => button(say(kind === 'point' ? 'markPoint' : 'markArea'), () => {
    const back = setAside(made);
    draw(tools.work, kind, { onDone: (drawn) => { geometry = shape(drawn); marked.textContent = say('marked'); back(); }, onGiveUp: back });
  });
  const made = dialog(`${say('act_opinion')} · ${person.account.unit?.name || ''}`, form([
    unitField(project, ['asked', 'drafted', 'supplement', 'signed']),
    { name: 'verdict', label: say('opinionVerdict'), type: 'select', options: VERDICTS.map((verdict) => [verdict, sayCode('opinion', verdict)]) },
    text('opinionText', false),
    { name: 'files', label: say('attachment'), type: 'file', multiple: true },
    { type: 'node', node: element('div', { className: 'buttons' }, mark('point', (place) => ({ type: 'Point', coordinates: place })), mark('polygon', (rings) => ({ type: 'MultiPolygon', coordinates: rings.map((ring) => [[...ring, ring[0]]]) })), marked) },
  ], {
    submit: say('act_opinion'),
    done: async ({ files, ...given }) => {
      const attachments = [];
      for (const file of files) {
        const body = new FormData();
        body.append('file', file, file.name);
        const answer = await send('POST', `projects/${part(project.id)}/attachments`, body);
        attachments.push((answer.attachment || answer).id);
      }
      await act(project, tools, 'opinion', { ...given, ...(geometry ? { geometry } : {}), ...(attachments.length ? { attachments } : {}) });
      made.close();
    },
  }));
  made.querySelector('select').focus();
}

function addNote(project, tools) {
  draw(tools.work, 'point', {
    onDone: (place) => {
      const made = dialog(say('act_note'), form([text('noteText')], {
        submit: say('save'),
        done: async (given, key) => {
          await send('POST', `projects/${part(project.id)}/notes`, { lon_lat_height: [...place, 0], text: given.text }, { key });
          made.close();
          await tools.reload();
        },
      }));
      made.querySelector('textarea').focus();
    },
  });
}

async function handOver(project, tools) {
  const { accounts = [] } = await read('accounts').catch((problem) => { toast(problem.message); return {}; });
  simple('hand_over', project, tools, [{ name: 'account', label: say('handTo'), type: 'select', options: accounts.filter(({ roles, active, unit }) => active !== false && roles.some((role) => role === 'lead_officer' || role === 'officer') && isOf(unit?.id)).map(({ id, display_name: name, unit }) => [id, `${name} · ${unit?.name || ''}`]) }]);
}

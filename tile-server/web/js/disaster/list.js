// The incidents, and registering one: what happened, where, and between which two surveys.

import { badge, button, dialog, element, fill, table } from '../element.js';
import { form } from '../form.js';
import { fetchDatasets } from '../map/catalogue.js';
import { may } from '../person.js';
import { part, read, send } from '../service.js';
import { minuteOf, say, sayCode } from '../words.js';
import { asked, dated } from './surveys.js';

export const stateBadge = (state) => badge(sayCode('incident', state), state === 'closed' ? 'plain' : 'warn');

export async function openIncidents({ content }, alive) {
  const [{ incidents = [], hazards = [] }, datasets] = await Promise.all([read('incidents'), fetchDatasets()]);
  if (!alive()) return;
  fill(content,
    element('div', { className: 'top-row' }, element('h1', {}, say('pageDisaster')), may('lead_officer', 'officer', 'head') ? button(say('registerIncident'), () => register(hazards, datasets), { className: 'primary', id: 'register-incident' }) : null),
    element('p', { className: 'hint' }, say('disasterHint')),
    table([
      { title: say('incidentName'), cell: (incident) => element('a', { href: `#/disaster/${part(incident.id)}` }, incident.name) },
      { title: say('hazard'), cell: (incident) => incident.hazard },
      { title: say('occurred'), cell: (incident) => minuteOf(incident.occurred) },
      { title: say('place'), cell: (incident) => incident.place || '–' },
      { title: say('reportsIssued'), number: true, cell: (incident) => String(incident.reports) },
      { title: say('state'), cell: (incident) => stateBadge(incident.state) },
    ], incidents, { className: 'cards', nothing: say('noIncidents') }));
}

/** The moment now, as an input of local time wants it. */
function localNow() {
  const now = new Date();
  return new Date(now.getTime() - now.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

/** The two surveys that are usually compared: the last two of the finest ground. */
function usual(surfaces) {
  const several = surfaces.filter(([value]) => surfaces.filter(([other]) => other.split('@')[0] === value.split('@')[0]).length > 1);
  const chosen = several.length > 1 ? several.slice(-2) : surfaces.slice(-2);
  return chosen.map(([value]) => value);
}

function register(hazards, datasets) {
  const surfaces = dated(datasets);
  const [before, after] = usual(surfaces);
  const made = dialog(say('registerIncident'), form([
    { name: 'name', label: say('incidentName'), required: true, placeholder: say('incidentExample') },
    { name: 'hazard', label: say('hazard'), type: 'select', options: hazards.map((name) => [name, name]) },
    { name: 'occurred', label: say('occurred'), type: 'datetime-local', required: true, value: localNow() },
    { name: 'place', label: say('place') },
    { name: 'before', label: say('surveyBefore'), type: 'select', options: [...surfaces, ['', say('noSurveyBefore')]], value: before },
    { name: 'after', label: say('surveyAfter'), type: 'select', options: surfaces, value: after },
  ], {
    submit: say('registerIncident'),
    className: 'two',
    done: async ({ name, hazard, occurred, place, before: first, after: second }, key) => {
      const question = { ...(first ? { before: asked(first) } : {}), after: asked(second) };
      const { incident } = await send('POST', 'incidents', { name, hazard, occurred: new Date(occurred).toISOString(), place, question }, { key });
      made.close();
      location.hash = `#/disaster/${part(incident.id)}`;
    },
  }));
}

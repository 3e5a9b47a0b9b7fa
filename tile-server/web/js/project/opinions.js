// What the departments were asked and what they answered, each with its clock and its marks on the map.

import { badge, button, element, empty, fill } from '../element.js';
import { absolute, part } from '../service.js';
import { dayOf, minuteOf, say, sayCode } from '../words.js';

const LOOKS = { agree: 'pass', conditional: 'conditional', disagree: 'fail', not_concerned: 'plain' };

const STATE_LOOKS = { asked: 'warn', drafted: 'warn', signed: 'pass', supplement: 'warn', no_opinion: 'fail' };

export function opinions(place, project, work) {
  const list = project.consultations || [];
  if (list.length === 0) { fill(place, empty(say('notSent'))); return; }
  fill(place, ...list.map((asked) => {
    const { unit, state, opinion, due, stopped } = asked;
    const late = Boolean(asked.overdue) || opinion?.late || state === 'no_opinion';
    const signature = (label, signed) => (signed ? `${say(label)} ${signed.by.name} ${minuteOf(signed.at)}` : null);
    return element('div', { className: `opinion ${late ? 'late' : ''}`, 'data-unit': unit.name, 'data-state': state },
      element('div', { className: 'head' }, element('b', {}, unit.name),
        element('span', {}, opinion ? [badge(sayCode('opinion', opinion.verdict), LOOKS[opinion.verdict]), ' '] : null, badge(sayCode('consultation', state), STATE_LOOKS[state] || 'plain'), ' ',
          stopped && state !== 'signed' ? badge(say('clockStopped'), 'warn') : due && !['signed', 'no_opinion'].includes(state) ? badge(`${say(late ? 'overdueSince' : 'due')} ${dayOf(due)}`, late ? 'fail' : 'plain') : null, opinion?.late ? badge(say('late'), 'fail') : null)),
      opinion?.text ? element('p', {}, opinion.text) : null,
      opinion ? element('small', { className: 'hint' }, [signature('officerSigned', opinion.drafted), signature('headSigned', opinion.signed)].filter(Boolean).join(' · ')) : null,
      opinion?.geometry || opinion?.attachments?.length ? element('div', { className: 'buttons' },
        opinion.geometry ? button(say('zoomThere'), () => work.choose({ type: 'Feature', properties: {}, geometry: opinion.geometry })) : null,
        (opinion.attachments || []).map((id, at) => element('a', { href: absolute(`projects/${part(project.id)}/attachments/${part(id.id || id)}`), download: '' }, `${say('attachment')} ${at + 1}`))) : null);
  }));
  const marks = list.map(({ opinion }) => opinion?.geometry).filter(Boolean);
  work.setAreas('marks', { type: 'FeatureCollection', features: marks.map((geometry) => ({ type: 'Feature', properties: {}, geometry })) }, { colour: '#6d28d9', opacity: 0.2, width: 2.4, dash: [2, 1.5], top: true }).catch(() => {});
}

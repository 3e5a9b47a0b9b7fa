// What the departments were asked and what they answered, each with its clock and its marks on the map.

import { badge, button, element, empty } from '../element.js';
import { absolute, part } from '../service.js';
import { dayOf, minuteOf, say, sayCode } from '../words.js';

const LOOKS = { agree: 'pass', conditional: 'conditional', disagree: 'fail', not_concerned: 'plain' };

export function opinions(place, project, work) {
  const list = project.consultations || [];
  if (list.length === 0) { place.replaceChildren(empty(say('notSent'))); return; }
  place.replaceChildren(...list.map((asked) => {
    const { opinion } = asked;
    const late = asked.overdue || asked.state === 'overdue';
    const nameOf = (by) => by?.account?.name || by?.display_name || by?.name || '';
    return element('div', { className: `opinion ${late ? 'late' : ''}`, 'data-unit': asked.unit?.name || asked.unit },
      element('div', { className: 'head' }, element('b', {}, asked.unit?.name || asked.unit),
        element('span', {}, opinion ? badge(sayCode('opinion', opinion.verdict), LOOKS[opinion.verdict]) : null, ' ', badge(sayCode('consultation', asked.state), late ? 'fail' : 'plain'), ' ', asked.due ? badge(`${say(late ? 'overdueSince' : 'due')} ${dayOf(asked.due)}`, late ? 'fail' : 'plain') : null)),
      opinion?.text ? element('p', {}, opinion.text) : null,
      opinion ? element('small', { className: 'hint' }, [nameOf(opinion.by) && `${say('officerSigned')} ${nameOf(opinion.by)} ${minuteOf(opinion.at)}`, opinion.signed && `${say('headSigned')} ${nameOf(opinion.signed.by || opinion.signed)} ${minuteOf(opinion.signed.at)}`].filter(Boolean).join(' · ')) : null,
      opinion?.geometry ? button(say('zoomThere'), () => work.choose({ type: 'Feature', properties: {}, geometry: opinion.geometry })) : null,
      (opinion?.attachments || []).map((attachment) => element('a', { href: absolute(`projects/${part(project.id)}/attachments/${part(attachment.id || attachment)}`), download: '' }, attachment.name || say('attachment'))));
  }));
  const marks = list.map(({ opinion }) => opinion?.geometry).filter(Boolean);
  work.setAreas('marks', { type: 'FeatureCollection', features: marks.map((geometry) => ({ type: 'Feature', properties: {}, geometry })) }, { colour: '#6d28d9', opacity: 0.2, width: 2.4, dash: [2, 1.5] }).catch(() => {});
}

// What only people know of an incident, and the reports that are issued with it.

import { badge, button, element, empty, fill, table, toast } from '../element.js';
import { conflict } from '../conflict.js';
import { changed, form } from '../form.js';
import { may } from '../person.js';
import { absolute, newKey, part, send } from '../service.js';
import { minuteOf, say } from '../words.js';

const COUNTS = ['dead', 'missing', 'injured', 'moved_people', 'moved_households'];
const TEXTS = ['reporting_unit', 'issuer', 'contact', 'phone'];
/** The papers of a report: name in the address, and what it is. */
const PAPERS = ['bulletin.pdf', 'bulletin.docx', 'bulletin.png', 'exposure.xlsx'];

export const pathOf = (incident) => `incidents/${part(incident.id)}`;

/** Changes an incident over the version that was seen; whoever came first is not overwritten. */
export const changeIncident = (incident, change) => conflict(incident, (version) => send('PATCH', pathOf(incident), { version, ...change }));

export function factsForm(incident, renew) {
  const { facts = {} } = incident;
  const fields = [
    ...COUNTS.map((name) => ({ name, label: say(name), type: 'number', min: 0, step: 1, value: facts[name] ?? '' })),
    { name: 'direct_loss_wan_yuan', label: say('direct_loss_wan_yuan'), type: 'number', min: 0, step: 'any', value: facts.direct_loss_wan_yuan ?? '' },
    ...TEXTS.map((name) => ({ name, label: say(name), value: facts[name] ?? '' })),
    { name: 'measures', label: say('measures'), type: 'textarea', value: facts.measures ?? '', rows: 3 },
  ];
  return [element('p', { className: 'hint' }, say('factsHint')), form(fields, {
    submit: say('save'),
    className: 'two',
    done: async (values) => {
      // Of a number that was taken away nothing is left in the values.
      const all = Object.fromEntries(fields.map(({ name }) => [name, values[name]]));
      const told = Object.fromEntries(Object.entries(changed(fields, all)).map(([name, value]) => [name, value === '' || value === undefined ? null : value]));
      const answer = await changeIncident(incident, { facts: told });
      toast(say('saved'));
      renew(answer);
    },
  })];
}

export function reports(place, incident, renew) {
  const { reports: issued = [], state } = incident;
  const papers = (number) => element('span', { className: 'documents' }, PAPERS.map((name) => element('a', { href: absolute(`${pathOf(incident)}/documents/${name}${number ? `?report=${number}` : ''}`), download: '' }, say(`paper_${name}`))));
  const problem = element('p', { className: 'problem', role: 'alert', hidden: true });
  const issue = async (kind) => {
    if (kind === 'final' && !confirm(say('finalConfirm'))) return;
    problem.hidden = true;
    try {
      renew(await conflict(incident, (version) => send('POST', `${pathOf(incident)}/reports`, { version, kind }, { key: newKey() })));
    } catch (refusal) {
      problem.textContent = refusal.message;
      problem.hidden = false;
    }
  };
  const kinds = state === 'closed' || !may('lead_officer', 'head') ? [] : issued.length ? ['further', 'final'] : ['first'];
  fill(place,
    table([
      { title: '#', number: true, cell: ({ number }) => (number ? String(number) : '–') },
      { title: say('reportsTitle'), cell: ({ kind }) => (kind ? say(`report_${kind}`) : badge(say('draft'), 'plain')) },
      { title: say('time'), cell: ({ at }) => (at ? minuteOf(at) : '–') },
      { title: say('by'), cell: ({ by }) => by?.name ?? '–' },
      { title: say('download'), cell: ({ number }) => papers(number) },
    ], [...issued, {}], { className: 'cards' }),
    problem,
    kinds.length ? element('div', { className: 'buttons' }, kinds.map((kind) => button(say(`issue_${kind}`), () => issue(kind), { className: kind === 'final' ? '' : 'primary', id: `issue-${kind}` }))) : '');
}

/** Photos of the place: small pictures that zoom to where they were taken. */
export function photos(place, work, incident, list, { draw, renew }) {
  const path = pathOf(incident);
  const input = element('input', { type: 'file', accept: 'image/jpeg,image/png', multiple: true, hidden: true, id: 'photo-files' });
  const bring = async (file, at) => {
    const body = new FormData();
    body.append('file', file, file.name);
    return send('POST', `${path}/photos${at ? `?lon=${at[0]}&lat=${at[1]}` : ''}`, body, { key: newKey() });
  };
  input.addEventListener('change', async () => {
    const failed = [];
    for (const file of [...input.files]) {
      try {
        await bring(file);
      } catch (refusal) {
        if (refusal.status !== 422) { failed.push(refusal.message); continue; }
        // It does not know its place: somebody points at it.
        toast(say('photoWhere', { name: file.name }));
        const at = await new Promise((done) => { draw(work, 'point', { onDone: done, onGiveUp: () => done(null) }); });
        if (at) await bring(file, at).catch((again) => failed.push(again.message));
      }
    }
    if (failed.length) toast(say('photosFailed', { n: failed.length, why: failed[0] }));
    renew();
  });
  const feature = (photo) => ({ type: 'Feature', properties: { title: photo.note || photo.name }, geometry: { type: 'Point', coordinates: photo.lon_lat_deg } });
  fill(place, element('p', { className: 'hint' }, say('photoHint')),
    may('lead_officer', 'officer', 'head') ? element('div', { className: 'buttons' }, button(say('addPhotos'), () => input.click(), { id: 'add-photos' }), input) : null,
    list.length ? element('div', { className: 'photos' }, list.map((photo) => element('figure', {},
      element('img', { src: absolute(`${path}/photos/${part(photo.id)}`), alt: photo.note || photo.name, loading: 'lazy', onclick: () => work.choose(feature(photo)) }),
      element('figcaption', {}, [photo.note || photo.name, photo.local_time || minuteOf(photo.at)].join(' · '))))) : empty(say('nothing')));
  work.setAreas('photos', { type: 'FeatureCollection', features: list.map(feature) }, { outline: '#6d28d9', top: true }).catch(() => {});
}

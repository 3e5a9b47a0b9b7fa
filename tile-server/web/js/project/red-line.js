// The red line (拟用地红线): brought as a file or drawn, its versions, and on the map.

import { button, element, table, toast } from '../element.js';
import { decimal } from '../decimal.js';
import { draw } from '../map/draw.js';
import { boundsOf } from '../map/work-map.js';
import { absolute, newKey, part, read, send } from '../service.js';
import { minuteOf, say, told } from '../words.js';

const FORMATS = '.txt,.xlsx,.xls,.dxf,.zip,.gpkg,.geojson,.json';

/** Both areas of anything that has them, as the service gave them. */
export function areas(found) {
  return element('div', { className: 'areas' },
    element('span', {}, element('small', {}, `${say('plane')} `), `${decimal(found?.plane_m2)} m²`),
    element('span', {}, element('small', {}, `${say('ellipsoidal')} `), `${decimal(found?.ellipsoidal_m2)} m²`),
    found?.plane_ha === undefined ? null : element('span', {}, element('small', {}, `${say('plane')} `), `${decimal(found.plane_ha, 4)} ${say('hectares')}`));
}

/** Where a red line is brought in. `onBrought()` after it is there. */
export function bring(project, work, onBrought) {
  const problem = element('p', { className: 'problem', role: 'alert', hidden: true });
  const busy = element('p', { className: 'hint', hidden: true }, say('bringing'));
  const input = element('input', { type: 'file', accept: FORMATS, hidden: true, id: 'red-line-file', onchange: () => { if (input.files[0]) file(input.files[0]); } });
  const sendBody = async (body) => {
    problem.hidden = true;
    busy.hidden = false;
    try {
      const { warnings = [] } = await send('POST', `projects/${part(project.id)}/red-lines`, body, { key: newKey() });
      if (warnings.length) toast(warnings.map((warning) => told(warning)).join('\n'));
      await onBrought(warnings);
    } catch (refusal) {
      problem.textContent = refusal.message;
      problem.hidden = false;
    } finally {
      busy.hidden = true;
      input.value = '';
    }
  };
  const file = (chosen) => {
    const body = new FormData();
    body.append('file', chosen, chosen.name);
    return sendBody(body);
  };
  const box = element('div', { className: 'drop' }, element('b', {}, say('dropHere')), element('span', { className: 'hint' }, say('dropFormats')),
    element('div', { className: 'buttons' }, button(say('chooseFile'), () => input.click(), { className: 'primary' }),
      button(say('drawRedLine'), () => {
        draw(work, 'polygon', {
          onDone: (rings) => sendBody({ crs: 'EPSG:4490', parcels: rings.map((ring, at) => ({ name: `${project.name}${rings.length > 1 ? ` ${at + 1}` : ''}`, polygons: [[[...ring, ring[0]]]] })) }),
        });
        work.container.scrollIntoView({ block: 'nearest' });
      })), input, busy, problem);
  box.addEventListener('dragover', (event) => { event.preventDefault(); box.classList.add('over'); });
  box.addEventListener('dragleave', () => box.classList.remove('over'));
  box.addEventListener('drop', (event) => {
    event.preventDefault();
    box.classList.remove('over');
    if (event.dataTransfer.files[0]) file(event.dataTransfer.files[0]);
  });
  return box;
}

/** Every version that was brought. */
export function versions(project, work) {
  const lines = project.red_lines?.length ? project.red_lines : project.red_line ? [project.red_line] : [];
  return table([
    { title: say('version'), number: true, cell: (line) => String(line.version) },
    { title: say('source'), cell: (line) => line.source?.name || '–' },
    { title: say('crs'), cell: (line) => line.crs },
    { title: say('plane_m2'), number: true, cell: (line) => decimal(line.plane_m2) },
    { title: say('ellipsoidal_m2'), number: true, cell: (line) => decimal(line.ellipsoidal_m2) },
    { title: say('time'), cell: (line) => minuteOf(line.at || line.created) },
    { title: '', cell: (line) => element('a', { href: absolute(`projects/${part(project.id)}/red-lines/${line.version}?crs=delivered`), download: `red-line-${line.version}.geojson` }, say('download')) },
  ], [...lines].reverse(), { className: 'cards', onRow: (line) => show(project, work, line.version).catch((problem) => toast(problem.message)) });
}

/** Puts a version on the map. */
export async function show(project, work, version, zoom = true) {
  const shape = await read(`projects/${part(project.id)}/red-lines/${version}`);
  const collection = shape.features ? shape : { type: 'FeatureCollection', features: [shape] };
  await work.setAreas('red-line', collection, { colour: '#d01f2e', opacity: 0.1, outline: '#d01f2e', width: 3 });
  if (zoom) work.zoom(boundsOf(collection));
  return collection;
}

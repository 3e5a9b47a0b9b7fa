// 项目审查: what waits for me, the projects, and one project with its map.

import { element, empty, fill } from '../element.js';
import { askWho, person } from '../person.js';
import { openProject } from '../project/detail.js';
import { openList } from '../project/list.js';
import { say } from '../words.js';
import { split } from './split.js';

export const PROJECTS_PAGE = {
  name: 'projects',
  title: 'pageProjects',
  async open(container, [id]) {
    if (!person.account) { askWho(container); return null; }
    let open = true;
    const done = () => { if (open) document.body.dataset.ready = 'true'; };
    const failed = (place) => (problem) => { if (open) fill(place, element('p', { className: 'problem' }, problem.message)); };
    if (!id) {
      const sheet = element('div', { className: 'plain-page' }, element('div', { className: 'sheet' }, empty(say('loading'))));
      fill(container, sheet);
      openList(sheet.firstChild).catch(failed(sheet.firstChild)).finally(done);
      return () => { open = false; };
    }
    const parts = split(container);
    parts.content.append(empty(say('loading')));
    openProject(parts, id, () => open).catch(failed(parts.content)).finally(done);
    return () => { open = false; parts.close(); };
  },
};

// 灾情评估: the incidents, or one of them: what two surveys say that moved, what lies under it, who is cut off, what floods next, and the reports.

import { element, empty } from '../element.js';
import { openIncident } from '../disaster/incident.js';
import { openIncidents } from '../disaster/list.js';
import { askWho, person } from '../person.js';
import { say } from '../words.js';
import { split } from './split.js';

export const DISASTER_PAGE = {
  name: 'disaster',
  title: 'pageDisaster',
  async open(container, [id]) {
    if (!person.account) { askWho(container); return null; }
    let open = true;
    let picker = null;
    const parts = split(container, { bare: true, onPick: (feature) => picker?.(feature) });
    parts.content.append(empty(say('loading')));
    const alive = () => open;
    (id ? openIncident(parts, id, alive, (onPick) => { picker = onPick; }) : openIncidents(parts, alive))
      .catch((problem) => { if (open) parts.content.append(element('p', { className: 'problem' }, problem.message)); })
      .finally(() => { if (open) document.body.dataset.ready = 'true'; });
    return () => { open = false; parts.close(); };
  },
};

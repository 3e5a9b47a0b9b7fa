// The page: the bar, who is acting, and which page the address names (`#/map`, `#/difference/JOB`, `#/projects/ID`, `#/disaster/ID`, `#/system/PART`).
// `?layers=a,b` shows just those on the map, `?datetime=2024-05-01` a past day, `?terrain=1` the 3D ground, `?lang=en` English.

import { DIFFERENCE_PAGE } from './page/difference.js';
import { DISASTER_PAGE } from './page/disaster.js';
import { MAP_PAGE } from './page/one-map.js';
import { PROJECTS_PAGE } from './page/projects.js';
import { SYSTEM_PAGE } from './page/system.js';
import { person, personMenu, refreshPerson } from './person.js';
import { say, switchLanguage, titleOf, writeFixedWords } from './words.js';

/** Every page. `open(container, path)` fills the container and gives what closes it again; a page may keep the first part of its path between two addresses. */
const PAGES = [MAP_PAGE, DIFFERENCE_PAGE, PROJECTS_PAGE, DISASTER_PAGE, SYSTEM_PAGE];

const container = document.getElementById('page');
let close = null;
let opened = 0;

async function route() {
  const [name, ...path] = location.hash.replace(/^#\/?/, '').split('/').map(decodeURIComponent);
  const page = PAGES.find((candidate) => candidate.name === name) || MAP_PAGE;
  const turn = opened += 1;
  close?.();
  close = null;
  delete document.body.dataset.ready;
  document.body.dataset.page = page.name;
  for (const link of document.querySelectorAll('#pages a')) {
    if (link.dataset.page === page.name) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
  document.title = `${say(page.title)} · ${say('subtitle')} 时空`;
  container.replaceChildren();
  container.className = `page-${page.name}`;
  const closing = await page.open(container, path);
  if (turn === opened) close = closing;
  else closing?.();
}

document.getElementById('language-button').addEventListener('click', () => { switchLanguage(); draw(); });
document.getElementById('person-button').addEventListener('click', personMenu);
addEventListener('hashchange', route);
// Whoever logs in or out sees the page anew, with their own tasks and rights.
addEventListener('shikong-person', draw);
addEventListener('shikong-signed-out', () => { if (person.account) refreshPerson(); });

function draw() {
  writeFixedWords();
  drawPerson();
  route();
}

function drawPerson() {
  const { account, open } = person;
  document.getElementById('open-mode').hidden = !open;
  const button = document.getElementById('person-button');
  button.textContent = account ? `${account.display_name || account.name}${account.unit?.name ? ` · ${account.unit.name}` : ''}` : say('logIn');
  button.title = account ? `${say('acting')}: ${button.textContent}` : say('logIn');
}

writeFixedWords();
// What a test or a curious planner's console may ask; the map page puts its map here.
window.shikong = { titleOf };
refreshPerson();

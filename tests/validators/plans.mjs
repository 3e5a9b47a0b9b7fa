// 差异分析 driven through the page: choose two plans, follow the job, read its matrix and table, let a row zoom, filter, take
// the files; then the ledger: made, assigned, answered by the department, and two people at one row at once.
//   node plans.mjs URL ADMIN_PASSWORD FOLDER
// Prints one JSON line with what was seen; pictures and files go into FOLDER. Exit 1 when a step failed or a page had an error.
import { mkdirSync, writeFileSync } from 'node:fs';
import { closed, fetched, go, logIn, makeAccount, makeUnit, people, press, settle, text, type, choose, check } from './people.mjs';

const [url, oneTime, folder] = process.argv.slice(2);
const { person, errors: met, failed, close } = await people(url);
const errors = [];
const seen = { steps: [] };
const step = (words) => { seen.steps.push(words); };
const picture = async ({ page }, file) => {
  await page.waitForFunction(() => { const map = window.shikong.work?.map; return !map || (map.style && map.areTilesLoaded()); }, { timeout: 20000 }).catch(() => {});
  await page.screenshot({ path: `${folder}/${file}.png` });
};
const json = async (who, path) => JSON.parse((await fetched(who, `${url}/${path}`)).body);

/** Rows of the first table below a place, as the texts of their cells. */
const rowsOf = ({ page }, selector) => page.$eval(selector, (place) => [...place.querySelectorAll('tbody')].at(0) ? [...place.querySelector('tbody').rows].map((row) => [...row.cells].map((cell) => cell.innerText.trim())) : []);
/** Where a map looks: centre, zoom and box. */
const viewOf = ({ page }) => page.evaluate(() => { const { map } = window.shikong.work; return { zoom: map.getZoom(), bounds: map.getBounds().toArray().flat() }; });

try {
  const admin = await person('系统管理员');
  await logIn(admin, 'admin', oneTime);
  await go(admin, '#/system/units');
  for (const unit of ['自然资源局', '住建局']) await makeUnit(admin, unit);
  await go(admin, '#/system/people');
  const leadPassword = await makeAccount(admin, 'lead', '王经办', '自然资源局', ['牵头单位经办']);
  const officerPassword = await makeAccount(admin, 'officer', '住建局经办', '住建局', ['部门经办']);
  step('people');

  // The lead officer compares the two plans that the page proposes.
  const lead = await person('王经办');
  await logIn(lead, 'lead', leadPassword);
  await go(lead, '#/difference');
  await lead.page.waitForSelector('.layer-choice');
  seen.proposed = await lead.page.$$eval('.layer-choice', (rows) => rows.map((row) => row.querySelector('select').value));
  await picture(lead, 'ask');
  const begun = Date.now();
  await press(lead, '开始分析');
  await lead.page.waitForSelector('.progress, #matrix, .content > .problem');
  step('asked');
  await lead.page.waitForSelector('#matrix');
  await settle(lead.page);
  seen.analysis_ms = Date.now() - begun;
  seen.job = await lead.page.evaluate(() => location.hash.split('/').at(-1));
  seen.result = await json(lead, `analyses/jobs/${seen.job}/result`);
  seen.matrix = await rowsOf(lead, '#matrix');
  seen.figures = await text(lead, '.figures');
  await lead.page.evaluate(() => document.querySelector('#by-unit').setAttribute('open', ''));
  seen.units = await rowsOf(lead, '#by-unit');
  await lead.page.evaluate(() => document.querySelector('#by-unit').removeAttribute('open'));
  await picture(lead, 'result');
  step('result');

  // The largest difference is the first row; choosing it brings the map there.
  const before = await viewOf(lead);
  seen.rows = (await rowsOf(lead, '#rows')).slice(0, 5);
  await lead.page.$eval('#rows', (place) => place.scrollIntoView());
  await lead.page.click('#rows tbody tr:nth-child(1)');
  await lead.page.waitForFunction((zoom) => !window.shikong.work.map.isMoving() && window.shikong.work.map.getZoom() > zoom, {}, before.zoom);
  const largest = (await json(lead, `analyses/jobs/${seen.job}/patches?limit=1&where=${encodeURIComponent(`DKBH=${seen.rows[0][0]}`)}`)).features[0];
  const after = await viewOf(lead);
  seen.zoomed = { before, after, patch: largest };
  await picture(lead, 'row');
  // Only one kind of difference, and only large ones.
  await lead.page.evaluate(() => { const select = document.querySelector('#rows .filters select'); select.value = [...select.options].find((option) => option.textContent === '建设 / 非建设').value; select.dispatchEvent(new Event('change')); });
  await lead.page.$eval('#rows .filters input[type="number"]', (input) => { input.value = '2000'; input.dispatchEvent(new Event('change')); });
  seen.tally = await text(lead, '#rows .hint');
  const filters = ['CTFL=', 'ellipsoidal_m2>=2000'];
  const kind = seen.result.matrix.find((row) => row.classes.join('/') === '建设/非建设');
  filters[0] += kind.title;
  seen.filtered = (await json(lead, `analyses/jobs/${seen.job}/patches?limit=1&${filters.map((filter) => `where=${encodeURIComponent(filter)}`).join('&')}`)).numberMatched;
  step('row');

  mkdirSync(`${folder}/files`, { recursive: true });
  seen.files = [];
  for (const href of await lead.page.$$eval('#files a', (links) => links.map((link) => link.href))) {
    const { body, ...answer } = await fetched(lead, href);
    const name = new URL(href).pathname.split('/').at(-1);
    writeFileSync(`${folder}/files/${name}`, body);
    seen.files.push({ name, ...answer, bytes: body.length });
  }
  step('files');

  // The ledger: made, its first row assigned to a department.
  await press(lead, '台账');
  await press(lead, '建立台账');
  await lead.page.waitForSelector('#ledger-rows tbody tr');
  seen.ledger = (await json(lead, `ledger?job=${seen.job}&limit=1`)).matched;
  seen.ledger_tally = await text(lead, '#rows .hint');
  await press(lead, '修改');
  await lead.page.waitForSelector('dialog[open] form');
  await picture(lead, 'ledger-row');
  await choose(lead, '分派给', '住建局');
  await type(lead, '协调方式', '以土规为准');
  await press(lead, '保存');
  await closed(lead);
  await lead.page.waitForFunction(() => document.querySelector('#ledger-rows tbody tr .badge').textContent === '已分派');
  seen.assigned = (await rowsOf(lead, '#ledger-rows'))[0];
  await picture(lead, 'ledger');
  step('assigned');

  // The department answers while the lead officer has the same row open.
  const officer = await person('住建局经办');
  await logIn(officer, 'officer', officerPassword);
  await go(officer, `#/difference/${seen.job}`);
  await press(officer, '台账');
  await officer.page.waitForSelector('#ledger-rows tbody tr');
  await press(lead, '修改');
  await lead.page.waitForSelector('dialog[open] form');
  await press(officer, '修改');
  await officer.page.waitForSelector('dialog[open] form');
  await type(officer, '调整缘由', '现状为村庄建设用地');
  await check(officer, '已解决');
  await press(officer, '保存');
  await closed(officer);
  await type(lead, '备注', '报领导小组');
  await press(lead, '保存');
  // Refused once, and says what changed meanwhile; nothing that was entered is lost.
  await lead.page.waitForFunction(() => document.querySelectorAll('dialog[open]').length === 2);
  seen.conflict = await lead.page.evaluate(() => [...document.querySelectorAll('dialog[open]')].at(-1).innerText);
  await picture(lead, 'conflict');
  lead.own.splice(0, lead.own.length, ...lead.own.filter((error) => !/409/.test(error)));
  await press(lead, '按最新内容再提交');
  await closed(lead);
  seen.row = (await json(lead, `ledger?job=${seen.job}&limit=5000`)).rows.find(({ patch }) => patch === seen.assigned[0]);
  step('conflict');
  await press(lead, '办理过程');
  await lead.page.waitForSelector('dialog[open] .timeline-list');
  await picture(lead, 'ledger-history');
  await press(lead, '×');
  const answer = await fetched(lead, `${url}/ledger/documents/ledger.xlsx?job=${seen.job}`);
  writeFileSync(`${folder}/files/ledger.xlsx`, answer.body);
  step('ledger');
  errors.push(...met());
} catch (problem) {
  errors.push(`after ${seen.steps.at(-1) || 'nothing'}: ${problem.message}`, ...met());
  await failed(folder);
} finally {
  await close();
}
console.log(JSON.stringify({ ...seen, errors }));
process.exit(errors.length === 0 ? 0 : 1);

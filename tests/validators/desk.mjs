// What else an officer does in the page: statistics and places on the one map, several maps as one, the analyses beside the
// difference, a red line that is drawn, an opinion with its marks and files, a note, two people at one project, the rules and
// the calendar; and the result and the ledger on a telephone.
//   node desk.mjs URL ADMIN_PASSWORD FOLDER
// Prints one JSON line with what was seen; pictures go into FOLDER. Exit 1 when a step failed or a page had an error.
import { writeFileSync } from 'node:fs';
import { check, choose, closed, fetched, go, logIn, makeAccount, makeUnit, people, press, settle, text, type } from './people.mjs';

const [url, oneTime, folder] = process.argv.slice(2);
const { person, errors: met, failed, close } = await people(url);
const errors = [];
const seen = { steps: [], pictures: [] };
const step = (words) => { seen.steps.push(words); };
const json = async (who, path) => JSON.parse((await fetched(who, path.startsWith('http') ? path : `${url}/${path}`)).body);
const picture = async ({ page }, file) => {
  await page.waitForFunction(() => { const map = (window.shikong.work || window.shikong).map; return !map || document.querySelector('.sheet') || (map.style && map.areTilesLoaded() && !map.isMoving()); }, { timeout: 20000 }).catch(() => {});
  await page.screenshot({ path: `${folder}/${file}.png` });
};
const cells = ({ page }, selector) => page.$$eval(`${selector} tbody tr`, (rows) => rows.map((row) => [...row.cells].map((cell) => cell.innerText.trim())));
/** Sets a control that has no label of its own, as a hand would. */
const set = ({ page }, selector, value) => page.$eval(selector, (input, wanted) => {
  input.value = wanted;
  input.dispatchEvent(new Event('input', { bubbles: true }));
  input.dispatchEvent(new Event('change', { bubbles: true }));
}, value);
/** The map of the page that is open. */
const mapOf = ({ page }) => page.evaluateHandle(() => (document.body.dataset.page === 'map' ? window.shikong.linked.active : window.shikong.work).map);
/** Where a place of the map is on the screen. */
const onScreen = async (who, place) => (await mapOf(who)).evaluate((map, at) => {
  const { x, y } = map.project(at);
  const box = map.getCanvas().getBoundingClientRect();
  return [box.left + x, box.top + y];
}, place);
const clickPlace = async (who, place) => who.page.mouse.click(...await onScreen(who, place));
/** Brings the map to a place at once; one beside a table first shows everything that there is. */
async function look(who, center, zoom) {
  await who.page.evaluate(() => document.body.dataset.page !== 'map' && window.shikong.work.ready);
  const map = await mapOf(who);
  await who.page.waitForFunction((one) => one.loaded(), {}, map);
  await map.evaluate((one, view) => { one.jumpTo(view); }, { center, zoom });
}
const refused = ({ own }, status) => own.splice(0, own.length, ...own.filter((error) => !error.includes(String(status))));
/** Runs the analysis that is asked for, to its result. */
async function run(who, name) {
  await press(who, '开始分析');
  await who.page.waitForSelector('#rows, .content > .problem');
  await settle(who.page);
  const job = await who.page.evaluate(() => location.hash.split('/').at(-1));
  seen[name] = { result: await json(who, `analyses/jobs/${job}/result`), shown: await text(who, '.content'), rows: await cells(who, '#rows') };
  await picture(who, name);
  step(name);
}

try {
  const admin = await person('系统管理员');
  await logIn(admin, 'admin', oneTime);
  await go(admin, '#/system/units');
  for (const unit of ['自然资源局', '林业局']) await makeUnit(admin, unit);
  await go(admin, '#/system/people');
  const accounts = {};
  const make = async (account, name, unit, roles) => { accounts[name] = [account, await makeAccount(admin, account, name, unit, roles)]; };
  await make('lead', '王经办', '自然资源局', ['牵头单位经办']);
  await make('second', '李经办', '自然资源局', ['牵头单位经办']);
  await make('officer', '林业局经办', '林业局', ['部门经办']);
  step('people');

  // 一张图: areas by unit, what lies at a place in every layer, two maps under one line, four that move as one.
  const lead = await person('王经办');
  await logIn(lead, ...accounts['王经办']);
  await go(lead, '#/map');
  await lead.page.click('#statistics-button');
  await lead.page.waitForSelector('#statistics form');
  const { title, bounds, links } = (await json(lead, 'datasets')).datasets.find(({ slug }) => slug === 'dltb');
  await choose(lead, '统计图层', title);
  await lead.page.click('#statistics form button[type="submit"]');
  await lead.page.waitForSelector('.statistics-result table');
  seen.statistics = { tables: await lead.page.$$eval('.statistics-result table', (tables) => tables.map((table) => [...table.querySelectorAll('tbody tr')].map((row) => [...row.cells].map((cell) => cell.innerText.trim())))), total: (await lead.page.$$eval('.statistics-result p', (rows) => rows.map((row) => row.innerText))) };
  const { jobs } = await json(lead, 'analyses');
  seen.statistics.result = await json(lead, `analyses/jobs/${jobs.find(({ name }) => name === 'statistics').id}/result`);
  await picture(lead, 'statistics');
  await lead.page.click('#statistics-button');
  step('statistics');

  const middle = [(bounds[0] + bounds[2]) / 2, (bounds[1] + bounds[3]) / 2];
  await look(lead, middle, 15);
  await picture(lead, 'place');
  await clickPlace(lead, middle);
  await lead.page.waitForSelector('#identify-panel:not([hidden])');
  await press(lead, '全部图层');
  await lead.page.waitForFunction(() => /找到 \d+ 个要素/.test(document.querySelector('#identify').innerText));
  seen.place = { at: middle, shown: await text(lead, '#identify'), dltb: (await json(lead, `${links.features}?bbox=${[middle[0] - 1e-8, middle[1] - 1e-8, middle[0] + 1e-8, middle[1] + 1e-8].map((one) => one.toFixed(9)).join(',')}`)).features };
  await picture(lead, 'identify');
  await lead.page.click('#identify-panel .close');
  step('place');

  await press(lead, '卷帘');
  await lead.page.waitForFunction(() => window.shikong.linked.views.length === 2 && window.shikong.linked.views.every(({ map }) => map.loaded()));
  const handle = await (await lead.page.$('.swipe-handle')).boundingBox();
  await lead.page.mouse.move(handle.x + handle.width / 2, 400);
  await lead.page.mouse.down();
  await lead.page.mouse.move(500, 400, { steps: 4 });
  await lead.page.mouse.up();
  await lead.page.focus('.swipe-handle');
  await lead.page.keyboard.press('ArrowLeft');
  seen.swipe = await lead.page.evaluate(() => { const box = document.getElementById('map').getBoundingClientRect(); return { share: window.shikong.linked.share, pulled: ((500 - box.left) / box.width) * 100 }; });
  await picture(lead, 'swipe');
  await press(lead, '四屏');
  await lead.page.waitForFunction(() => window.shikong.linked.views.length === 4 && window.shikong.linked.views.every(({ map }) => map.loaded()));
  const days = await lead.page.evaluate(() => window.shikong.state.days);
  await lead.page.evaluate(() => document.querySelectorAll('.view-chip')[3].click());
  await set(lead, '#timeline-slider', '0');
  await lead.page.waitForFunction((day) => document.querySelectorAll('.view-chip')[3].textContent.includes(day), {}, days[0]);
  await lead.page.evaluate(() => window.shikong.linked.views[3].map.easeTo({ bearing: 20, zoom: 14.4, duration: 200 }));
  await lead.page.waitForFunction(() => window.shikong.linked.views.every(({ map }) => !map.isMoving() && Math.abs(map.getZoom() - 14.4) < 1e-9));
  seen.linked = await lead.page.evaluate(() => window.shikong.linked.views.map(({ map, datetime }) => ({ center: map.getCenter().toArray(), zoom: map.getZoom(), bearing: map.getBearing(), datetime })));
  await picture(lead, 'four');
  await press(lead, '单图');
  step('linked');

  // The analyses beside the difference, as the page proposes them.
  await go(lead, '#/difference');
  await press(lead, '一数一源检查');
  await lead.page.waitForSelector('.layer-choice select');
  await set(lead, '.layer-choice select', 'dltb');
  await choose(lead, '应当铺满的范围', '（不选）');
  await picture(lead, 'audit-ask');
  await run(lead, 'audit');
  await go(lead, '#/difference');
  await press(lead, '动态监测');
  await press(lead, '新增建筑');
  await run(lead, 'buildings');
  await go(lead, '#/difference');
  await press(lead, '动态监测');
  await press(lead, '现状与规划');
  await run(lead, 'beyond-plan');
  await go(lead, '#/difference');
  await press(lead, '选址');
  await lead.page.waitForSelector('.question form');
  await look(lead, middle, 13.2);
  await picture(lead, 'sites-ask');
  await run(lead, 'sites');

  // A red line drawn on the map, checked at once.
  await go(lead, '#/projects');
  await press(lead, '登记项目');
  await type(lead, '项目名称', '画出来的项目');
  await type(lead, '项目代码', '2026-433199-41-01-000099');
  await type(lead, '申请单位', '样例县城市建设有限公司');
  await type(lead, '用地性质代码', '070102');
  await press(lead, '登记项目');
  await lead.page.waitForSelector('#red-line-file');
  await settle(lead.page);
  await look(lead, middle, 16);
  await press(lead, '在图上画');
  await lead.page.waitForSelector('.draw-bar');
  const [dx, dy] = [0.001, 0.0009];
  const corners = [[-1, -1], [1, -1], [1, 1], [-1, 1]].map(([x, y]) => [middle[0] + x * dx, middle[1] + y * dy]);
  for (const corner of corners) await clickPlace(lead, corner);
  // The last corner is pulled a little further, as a hand mends it.
  const [from, to] = [await onScreen(lead, corners[3]), await onScreen(lead, [corners[3][0] - dx / 4, corners[3][1]])];
  await lead.page.mouse.move(...from);
  await lead.page.mouse.down();
  await lead.page.mouse.move(...to, { steps: 4 });
  await lead.page.mouse.up();
  corners[3][0] -= dx / 4;
  seen.drawing = await text(lead, '.draw-bar');
  await picture(lead, 'drawing');
  await press(lead, '完成');
  await lead.page.waitForSelector('.verdict');
  await settle(lead.page);
  const id = await lead.page.evaluate(() => location.hash.split('/').at(-1));
  const project = async () => { const answer = await json(lead, `projects/${id}`); return answer.project || answer; };
  const drawn = await json(lead, `projects/${id}/red-lines/1`);
  const { check: made } = await project();
  seen.drawn = { corners, line: drawn, verdict: await lead.page.$eval('.verdict', (one) => one.dataset.verdict), shown: await text(lead, '.verdict'), result: await json(lead, `analyses/jobs/${made.job}/result`) };
  await picture(lead, 'drawn');
  step('drawn');

  // Two people at one project: the second is told what changed and loses nothing.
  const second = await person('李经办');
  await logIn(second, ...accounts['李经办']);
  await go(second, `#/projects/${id}`);
  for (const who of [lead, second]) {
    await press(who, '修改登记信息');
    await who.page.waitForSelector('dialog[open] form');
  }
  await type(lead, '联系人', '张三');
  await press(lead, '保存');
  await closed(lead);
  await type(second, '申请单位', '样例县城建集团');
  await press(second, '保存');
  await second.page.waitForFunction(() => document.querySelectorAll('dialog[open]').length === 2);
  seen.conflict = await second.page.evaluate(() => [...document.querySelectorAll('dialog[open]')].at(-1).innerText);
  await picture(second, 'project-conflict');
  refused(second, 409);
  await press(second, '按最新内容再提交');
  await closed(second);
  await settle(second.page);
  seen.both = await project();
  step('conflict');

  // The changed registration is checked anew; a department answers with a mark on the map and a file; a note stays at its place.
  await go(lead, '#/projects');
  await go(lead, `#/projects/${id}`);
  await lead.page.click('#check-button');
  await lead.page.waitForFunction(() => document.querySelector('#check .hint')?.textContent.includes('检测') && !document.querySelector('#check .note')?.textContent.includes('重新检测'));
  await settle(lead.page);
  await press(lead, '征求意见');
  await lead.page.waitForSelector('dialog[open] .unit-days');
  await check(lead, '林业局');
  await press(lead, '征求意见');
  await closed(lead);
  const officer = await person('林业局经办');
  await logIn(officer, ...accounts['林业局经办']);
  await go(officer, `#/projects/${id}`);
  await look(officer, middle, 16);
  await press(officer, '填写意见');
  await choose(officer, '意见', '有条件同意');
  await type(officer, '理由与要求', '东侧林地应避让。');
  await press(officer, '在图上圈画');
  await officer.page.waitForSelector('.draw-bar');
  for (const [x, y] of [[0.2, -0.5], [0.8, -0.5], [0.5, 0.5]]) await clickPlace(officer, [middle[0] + x * dx, middle[1] + y * dy]);
  await officer.page.keyboard.press('Enter');
  await officer.page.waitForSelector('dialog[open]');
  writeFileSync(`${folder}/林地说明.txt`, '东侧林地二百平方米。\n');
  await (await officer.page.$('dialog[open] input[type="file"]')).uploadFile(`${folder}/林地说明.txt`);
  await picture(officer, 'opinion');
  await press(officer, '填写意见');
  await closed(officer);
  await officer.page.waitForSelector('.opinion[data-state="drafted"] a');
  const attached = await officer.page.$eval('.opinion[data-state="drafted"] a', (link) => link.href);
  seen.opinion = { shown: await text(officer, '.opinion[data-state="drafted"]'), attachment: (await fetched(officer, attached)).body.toString('utf8'), geometry: (await json(officer, `projects/${id}`)).consultations?.[0]?.opinion?.geometry };
  await picture(officer, 'opinion-kept');
  await press(officer, '加批注');
  await officer.page.waitForSelector('.draw-bar');
  await look(officer, middle, 16);
  await clickPlace(officer, middle);
  await press(officer, '完成');
  await officer.page.waitForSelector('dialog[open] textarea');
  await type(officer, '批注内容', '这里有古树一株');
  await press(officer, '保存');
  await closed(officer);
  await officer.page.waitForFunction(() => document.body.innerText.includes('这里有古树一株'));
  seen.notes = (await json(officer, `projects/${id}/notes`)).notes;
  step('opinion');

  // 系统: a day off is a new version of the calendar; a rule that does not read is refused and changes nothing.
  await go(admin, '#/system/calendar');
  await admin.page.waitForSelector('.calendar .month');
  await press(admin, '›');
  await admin.page.waitForFunction(() => document.querySelectorAll('.calendar .month').length === 12);
  const year = Number(await admin.page.evaluate(() => document.querySelector('.sheet .buttons b').textContent));
  // The first working day that is one by the calendar.
  const day = await admin.page.evaluate(() => { const one = document.querySelector('.calendar .days button:not(.off)'); one.click(); return one.title.slice(0, 10); });
  await press(admin, '保存');
  await type(admin, '版次', `${year}.1`);
  await picture(admin, 'calendar-save');
  await press(admin, '保存');
  await closed(admin);
  await admin.page.waitForFunction((version) => document.querySelector('.sheet .facts')?.innerText.includes(version), {}, `${year}.1`);
  seen.calendar = { day, year, rule: await json(admin, 'rules/workflow') };
  await picture(admin, 'calendar');
  await go(admin, '#/system/rules/control-lines');
  const before = await json(admin, 'rules/control-lines');
  await press(admin, '新版本');
  await type(admin, '版次', 'broken');
  await type(admin, '规则内容（TOML）', `${before.text}\n[[line]]\nrule = 7\n`);
  await press(admin, '保存');
  await admin.page.waitForSelector('dialog[open] .problem:not([hidden])');
  seen.refusal = await text(admin, 'dialog[open] .problem');
  await picture(admin, 'rule-refused');
  refused(admin, 422);
  refused(admin, 400);
  await press(admin, '取消').catch(() => press(admin, '×'));
  seen.rule = { before: before.text, after: (await json(admin, 'rules/control-lines')).text };
  step('system');

  // On a telephone: nothing wider than the screen, the verdict and the ledger to be read.
  await lead.page.setViewport({ width: 390, height: 844, isMobile: true, hasTouch: true });
  seen.phone = {};
  for (const [name, hash] of [['project', `#/projects/${id}`], ['projects', '#/projects'], ['difference', '#/difference'], ['map', '#/map']]) {
    await go(lead, hash);
    if (name === 'project') await lead.page.waitForSelector('.verdict');
    seen.phone[name] = await lead.page.evaluate(() => document.documentElement.scrollWidth);
    await picture(lead, `phone-${name}`);
  }
  step('phone');
  errors.push(...met());
} catch (problem) {
  errors.push(`after ${seen.steps.at(-1) || 'nothing'}: ${problem.message}`, ...met());
  await failed(folder);
} finally {
  await close();
}
console.log(JSON.stringify({ ...seen, errors }));
// Not `exit`: what a pipe has not taken yet would be lost.
process.exitCode = errors.length === 0 ? 0 : 1;

// A duty officer at the page of disasters: registers one, has it assessed, looks at every part, draws a section, swipes between
// the surveys, sets a building by hand, floods the valley, states what only people know, issues a report, brings a photo; the
// head signs, and somebody without the right sees no names.
//   node disaster.mjs URL ADMIN_PASSWORD FOLDER PHOTO
// Prints one JSON line with what was seen; pictures and papers go into FOLDER. Exit 1 when a step failed or a page had an error.
import { writeFileSync } from 'node:fs';
import { choose, closed, fetched, go, logIn, makeAccount, makeUnit, people, press, settle, text, type } from './people.mjs';

const [url, oneTime, folder, photo] = process.argv.slice(2);
const { person, errors: met, failed, close } = await people(url);
const errors = [];
const seen = { steps: [] };
const step = (words) => { seen.steps.push(words); };
const json = async (who, path) => JSON.parse((await fetched(who, `${url}/${path}`)).body);
const still = ({ page }) => page.waitForFunction(() => { const { map } = window.shikong.work; return map.style && map.areTilesLoaded() && !map.isMoving(); }, { timeout: 30000 }).catch(() => {});
const picture = async (who, file) => { await still(who); await who.page.screenshot({ path: `${folder}/${file}.png` }); };
const cells = ({ page }, selector) => page.$$eval(`${selector} tbody tr`, (rows) => rows.map((row) => [...row.cells].map((cell) => cell.innerText.trim())));
const onScreen = ({ page }, place) => page.evaluate((at) => {
  const { map } = window.shikong.work;
  const { x, y } = map.project(at);
  const box = map.getCanvas().getBoundingClientRect();
  return [box.left + x, box.top + y];
}, place);
const clickPlace = async (who, place) => who.page.mouse.click(...await onScreen(who, place));
const look = async (who, center, zoom) => {
  await who.page.evaluate(() => window.shikong.work.ready);
  await who.page.evaluate((view) => { window.shikong.work.map.jumpTo(view); }, { center, zoom });
  await still(who);
};
const refused = ({ own }, status) => own.splice(0, own.length, ...own.filter((error) => !error.includes(String(status))));
/** Presses a tab of the result and tells what it shows. */
const tab = async (who, words, file) => {
  await press(who, words);
  seen[file] = await text(who, '#assessment-rows');
  await picture(who, file);
};
/** Waits until the newest assessment is another than `before`, and over. */
const assessed = async (who, id, before) => {
  const until = Date.now() + 300000;
  for (;;) {
    if (Date.now() > until) throw new Error(`${who.name}: no newer assessment than ${before}`);
    const { jobs } = await json(who, `incidents/${id}`);
    const newest = jobs.filter(({ link }) => link.analysis === 'disaster').at(-1);
    if (newest && newest.link.job !== before && ['done', 'failed', 'cancelled'].includes(newest.job.state)) {
      if (newest.job.state !== 'done') throw new Error(JSON.stringify(newest.job.problem));
      await who.page.waitForSelector('#assessment-rows .grades');
      return newest.job;
    }
    await who.page.evaluate(() => new Promise((done) => { setTimeout(done, 200); }));
  }
};

try {
  const admin = await person('系统管理员');
  await logIn(admin, 'admin', oneTime);
  await go(admin, '#/system/units');
  await makeUnit(admin, '应急管理局');
  await go(admin, '#/system/people');
  const accounts = {};
  const make = async (account, name, roles) => { accounts[name] = [account, await makeAccount(admin, account, name, '应急管理局', roles)]; };
  await make('duty', '值班员', ['部门经办']);
  await make('chief', '局长', ['部门负责人']);
  step('people');

  const duty = await person('值班员');
  await logIn(duty, ...accounts['值班员']);
  await go(duty, '#/disaster');
  await press(duty, '登记灾情');
  await type(duty, '灾情名称', '样例镇滑坡');
  await type(duty, '发生时间', '2024-07-19T23:42');
  await type(duty, '地点', '样例县样例镇');
  seen.proposed = await duty.page.$$eval('dialog[open] select', (all) => all.map((one) => one.selectedOptions[0].textContent));
  await choose(duty, '灾前数据', '裸地高程 · 2023-05-16');
  await choose(duty, '灾后数据', '裸地高程 · 2024-07-20');
  await duty.page.screenshot({ path: `${folder}/register.png` });
  await press(duty, '登记灾情');
  await closed(duty);
  await duty.page.waitForSelector('#incident-question form');
  await settle(duty.page);
  const id = await duty.page.evaluate(() => location.hash.split('/').at(-1));
  step('registered');

  await press(duty, '开始评估');
  let job = await assessed(duty, id, null);
  seen.job = job;
  seen.result = await json(duty, `analyses/jobs/${job.id}/result`);
  seen.overview = await text(duty, '#assessment-rows');
  await picture(duty, 'overview');
  await duty.page.click('#published > summary');
  await duty.page.waitForFunction(() => document.querySelectorAll('#published .snippet').length > 0);
  seen.published = await text(duty, '#published');
  await duty.page.$eval('#published', (one) => one.scrollIntoView());
  await picture(duty, 'published');
  await tab(duty, '房屋', 'buildings');
  await tab(duty, '受威胁对象', 'exposure');
  await tab(duty, '转移', 'routes');
  await tab(duty, '精度与数据', 'basis');
  step('assessed');

  // Names are for those with the right to them.
  await press(duty, '受威胁对象');
  if (await duty.page.$('#show-names')) {
    await duty.page.click('#show-names');
    await duty.page.waitForFunction(() => document.getElementById('toast').textContent.includes('隐去'));
    refused(duty, 403);
  }
  seen.masked = await cells(duty, '#households');

  // A section across the slide, which the report prints too.
  const patches = (await json(duty, `analyses/jobs/${job.id}/patches?where=kind%3Dmoved-ground`)).features;
  const { travel } = patches[0].properties;
  seen.travel = travel;
  const box = (coordinates) => coordinates.flat(Infinity).reduce((b, v, at) => (at % 2 ? [b[0], Math.min(b[1], v), b[2], Math.max(b[3], v)] : [Math.min(b[0], v), b[1], Math.max(b[2], v), b[3]]), [180, 90, -180, -90]);
  const [west, south, east, north] = box(patches[0].geometry.coordinates);
  const middle = [(west + east) / 2, (south + north) / 2];
  await press(duty, '变化量');
  await look(duty, middle, 16);
  await press(duty, '画剖面');
  await duty.page.waitForSelector('.draw-bar');
  await clickPlace(duty, [west - 0.0006, middle[1]]);
  await clickPlace(duty, [east + 0.0006, middle[1]]);
  await press(duty, '完成');
  job = await assessed(duty, id, job.id);
  await press(duty, '变化量');
  await duty.page.waitForSelector('.chart.profile path');
  await (await duty.page.$('.chart.profile')).hover();
  seen.section = (await json(duty, `analyses/jobs/${job.id}/result`)).change.sections[0];
  seen.reading = await duty.page.$eval('.chart.profile', (chart) => chart.textContent);
  await duty.page.$eval('.chart.profile', (chart) => chart.scrollIntoView({ block: 'center' }));
  await picture(duty, 'section');
  step('section');

  // The two surveys over each other.
  await duty.page.click('#swipe-button');
  await duty.page.waitForFunction(() => window.shikong.work.swipe?.view.map.loaded());
  await duty.page.evaluate(() => window.shikong.work.swipe.ready);
  const handle = await (await duty.page.$('.swipe-line')).boundingBox();
  await duty.page.mouse.move(handle.x + handle.width / 2, 500);
  await duty.page.mouse.down();
  await duty.page.mouse.move(handle.x - 80, 500, { steps: 4 });
  await duty.page.mouse.up();
  seen.swipe = await duty.page.evaluate(() => { const { work } = window.shikong; return { share: work.swipe.share, days: [work.swipe.view.datetime, work.view.datetime], together: Math.abs(work.swipe.view.map.getZoom() - work.map.getZoom()) < 1e-9 }; });
  await duty.page.waitForFunction(() => window.shikong.work.swipe.view.map.areTilesLoaded());
  await picture(duty, 'swipe');
  await duty.page.click('#swipe-button');
  step('swipe');

  // A building that somebody went and looked at.
  await press(duty, '房屋');
  const listed = await cells(duty, '#building-list');
  if (listed.length) {
    await duty.page.evaluate(() => [...document.querySelectorAll('#building-list button')].find((one) => one.textContent === '改判').click());
    await choose(duty, '状态', '受损');
    await type(duty, '理由', '值班员现场核实：西墙倒塌');
    await press(duty, '保存');
    await closed(duty);
    job = await assessed(duty, id, job.id);
    await tab(duty, '房屋', 'set-by-hand');
    seen.buildings_after = (await json(duty, `analyses/jobs/${job.id}/result`)).change.buildings;
  }
  step('by hand');

  // Water from the foot of the slide.
  await press(duty, '淹没分析');
  await duty.page.waitForSelector('#flood form');
  await look(duty, middle, 15.5);
  await duty.page.click('#flood-source');
  await duty.page.waitForSelector('.draw-bar');
  const { lowest } = await json(duty, `analyses/jobs/${job.id}/result`).then(({ change }) => ({ lowest: change.sections[0] }));
  const heights = lowest.after_m.filter((value) => value !== null);
  const low = Math.min(...heights);
  const at = lowest.after_m.indexOf(low) / (lowest.after_m.length - 1);
  await clickPlace(duty, [west - 0.0006 + (east - west + 0.0012) * at, middle[1]]);
  await press(duty, '完成');
  await type(duty, '水位 m', String(Math.round(low + 4)));
  await duty.page.$eval('#flood form button[type="submit"]', (one) => one.click());
  await duty.page.waitForSelector('#flood-result .figures, #flood .problem:not([hidden])');
  seen.flood = await text(duty, '#flood');
  await duty.page.$eval('#flood', (one) => one.scrollIntoView());
  await picture(duty, 'flood');
  step('flood');

  // What only people know; a photo that does not know its place is put there.
  await press(duty, '人工填报');
  for (const [label, value] of [['死亡', '0'], ['失踪', '1'], ['紧急转移人数', '76'], ['紧急转移户数', '24'], ['报送单位', '样例县应急管理局'], ['签发人', '局长'], ['电话', '0743-0000000'], ['已采取措施', '封闭道路，转移群众，专业队伍监测后缘裂缝。']]) await type(duty, label, value);
  await press(duty, '保存');
  await duty.page.waitForFunction(() => document.getElementById('toast').textContent.includes('已保存'));
  await press(duty, '现场照片');
  await look(duty, middle, 16);
  await (await duty.page.$('#photo-files')).uploadFile(photo);
  await duty.page.waitForSelector('.draw-bar');
  refused(duty, 422);
  await clickPlace(duty, middle);
  await press(duty, '完成');
  await duty.page.waitForFunction(() => document.querySelectorAll('.photos img').length === 1);
  await duty.page.$eval('#incident-photos', (one) => one.scrollIntoView());
  await picture(duty, 'photos');
  seen.photos = (await json(duty, `incidents/${id}`)).photos;
  seen.middle = middle;
  step('stated');

  // The head reads along by the same address, sees the names, and issues the report.
  const chief = await person('局长');
  await logIn(chief, ...accounts['局长']);
  await go(chief, `#/disaster/${id}`);
  await chief.page.waitForSelector('#assessment-rows .grades');
  await press(chief, '受威胁对象');
  if (await chief.page.$('#show-names')) {
    await chief.page.click('#show-names');
    await chief.page.waitForFunction(() => !document.querySelector('#show-names'));
  }
  seen.named = await cells(chief, '#households');
  await press(chief, '签发首报');
  await chief.page.waitForFunction(() => document.querySelector('#incident-reports').innerText.includes('首报'));
  seen.reports = await cells(chief, '#incident-reports');
  await chief.page.$eval('#incident-reports', (one) => one.scrollIntoView());
  await picture(chief, 'reports');
  seen.papers = {};
  for (const name of ['bulletin.pdf', 'bulletin.docx', 'bulletin.png', 'exposure.xlsx']) {
    const { status, type: media, body } = await fetched(chief, `${url}/incidents/${id}/documents/${name}?report=1`);
    seen.papers[name] = { status, media, bytes: body.length };
    writeFileSync(`${folder}/${name}`, body);
  }
  for (const name of ['analysis.xlsx', 'patches.gpkg', 'patches-shp.zip']) {
    const { status, body } = await fetched(chief, `${url}/analyses/jobs/${job.id}/export/${name}`);
    seen.papers[name] = { status, bytes: body.length };
    writeFileSync(`${folder}/${name}`, body);
  }
  step('reported');

  await chief.page.setViewport({ width: 390, height: 844 });
  await go(chief, '#/disaster');
  await go(chief, `#/disaster/${id}`);
  await chief.page.waitForSelector('#assessment-rows .grades');
  seen.phone = await chief.page.evaluate(() => document.documentElement.scrollWidth);
  await picture(chief, 'phone');
  seen.incident = (await json(chief, `incidents/${id}`)).incident;
} catch (error) {
  errors.push(String(error.stack || error));
  await failed(folder);
}
errors.push(...met());
await close();
console.log(JSON.stringify({ ...seen, errors }));
process.exitCode = errors.length ? 1 : 0;

// The review of a project, driven through the page as people do it, each under their own account in a browser of their own:
// register, bring the red line, see the violations, ask four departments, answer, ask for a supplement, be late, sum up, download.
//   node review.mjs URL ADMIN_PASSWORD RED_LINE_FILE FOLDER
// Prints one JSON line with what was seen; pictures go into FOLDER. Exit 1 when a step failed or a page had an error.
import { mkdirSync, writeFileSync } from 'node:fs';
import { check, choose, closed, fetched, go, logIn, makeAccount, makeUnit, people, press, settle, text, type } from './people.mjs';

const [url, oneTime, redLine, folder] = process.argv.slice(2);
const DEPARTMENTS = ['林业局', '水利局', '生态环境局', '住建局'];
const { person, errors: met, failed, close } = await people(url);
const errors = [];
const seen = { steps: [] };

const picture = ({ page }, file) => page.screenshot({ path: `${folder}/${file}.png` });
const step = (words) => { seen.steps.push(words); };

/** Opens the project from the first of one's tasks. */
async function openTask(who) {
  await go(who, '#/projects');
  await who.page.waitForSelector('a.task');
  await who.page.evaluate(() => { delete document.body.dataset.ready; document.querySelector('a.task').click(); });
  await settle(who.page);
}

const acted = async (who, state) => {
  await closed(who);
  await who.page.waitForFunction((wanted) => document.querySelector('.steps .now')?.textContent === wanted, {}, state);
};

try {
  // The administrator makes the departments and their people.
  const admin = await person('系统管理员');
  await logIn(admin, 'admin', oneTime);
  await go(admin, '#/system/units');
  for (const unit of ['自然资源局', ...DEPARTMENTS]) await makeUnit(admin, unit);
  await picture(admin, 'units');
  await go(admin, '#/system/people');
  const accounts = {};
  const make = async (account, name, unit, roles) => { accounts[name] = [account, await makeAccount(admin, account, name, unit, roles)]; };
  await make('lead', '王经办', '自然资源局', ['牵头单位经办']);
  for (const [at, unit] of DEPARTMENTS.entries()) {
    await make(`officer${at}`, `${unit}经办`, unit, ['部门经办']);
    await make(`head${at}`, `${unit}负责人`, unit, ['部门负责人']);
  }
  await picture(admin, 'people');
  step('people');

  // The lead officer registers the project and brings its red line.
  const lead = await person('王经办');
  await logIn(lead, ...accounts['王经办']);
  await press(lead, '登记项目');
  await type(lead, '项目名称', '样例工业园');
  await type(lead, '项目代码', '2024-433199-41-01-000001');
  await type(lead, '申请单位', '样例县工业投资有限公司');
  await type(lead, '用地性质代码', '100101');
  await press(lead, '登记项目');
  await lead.page.waitForSelector('#red-line-file');
  await settle(lead.page);
  const input = await lead.page.$('#red-line-file');
  const begun = Date.now();
  await input.uploadFile(redLine);
  await lead.page.waitForSelector('.verdict');
  seen.check_ms = Date.now() - begun;
  seen.verdict = await lead.page.$eval('.verdict', (one) => one.dataset.verdict);
  seen.red_line = await text(lead, '.verdict');
  seen.farmland = await text(lead, '.checks li[data-rule="farmland"]');
  await lead.page.click('.checks li[data-rule="farmland"]');
  await new Promise((done) => { setTimeout(done, 1500); });
  await picture(lead, 'check');
  step('check');

  // Four departments are asked; the last has no time at all.
  await press(lead, '征求意见');
  await lead.page.waitForSelector('dialog[open] .unit-days');
  for (const unit of DEPARTMENTS) await check(lead, unit);
  await lead.page.$eval(`dialog[open] input[aria-label^="${DEPARTMENTS[3]}"]`, (days) => { days.value = '0'; });
  await picture(lead, 'send');
  await press(lead, '征求意见');
  await acted(lead, '征求意见');
  step('sent');

  // One asks for a supplement before it answers.
  const officers = [];
  const heads = [];
  for (const unit of DEPARTMENTS.slice(0, 3)) {
    const officer = await person(`${unit}经办`);
    await logIn(officer, ...accounts[`${unit}经办`]);
    officers.push(officer);
    const head = await person(`${unit}负责人`);
    await logIn(head, ...accounts[`${unit}负责人`]);
    heads.push(head);
  }
  await openTask(officers[2]);
  await press(officers[2], '要求补正');
  await type(officers[2], '需要补正的内容', '请补充环境影响说明。');
  await press(officers[2], '要求补正');
  await acted(officers[2], '补正');
  await openTask(lead);
  await press(lead, '补正后重新提交');
  await type(lead, '补正说明', '已补充环境影响说明。');
  await press(lead, '补正后重新提交');
  await acted(lead, '征求意见');
  step('supplement');

  const answers = [['不同意', '占用永久基本农田，应调整范围避让。'], ['不涉及', ''], ['有条件同意', '落实污染防治措施后同意。']];
  for (const [at, [verdict, words]] of answers.entries()) {
    const officer = officers[at];
    await openTask(officer);
    await press(officer, '填写意见');
    await choose(officer, '意见', verdict);
    if (words) await type(officer, '理由与要求', words);
    await press(officer, '填写意见');
    await closed(officer);
    await officer.page.waitForSelector(`.opinion[data-unit="${DEPARTMENTS[at]}"][data-state="drafted"]`);
    const head = heads[at];
    await openTask(head);
    await press(head, '负责人签发');
    await press(head, '负责人签发');
    await closed(head);
    await head.page.waitForSelector(`.opinion[data-unit="${DEPARTMENTS[at]}"][data-state="signed"]`);
  }
  await picture(heads[0], 'opinions');
  step('opinions');

  await openTask(lead);
  seen.overdue = await text(lead, `.opinion[data-unit="${DEPARTMENTS[3]}"]`);
  await press(lead, '汇总意见');
  await type(lead, '汇总意见', '一个部门不同意，一个部门有条件同意；建议调整红线避让永久基本农田。');
  await press(lead, '汇总意见');
  await acted(lead, '已汇总');
  seen.opinions = await lead.page.$$eval('.opinion[data-unit]', (list) => list.map((one) => [one.dataset.unit, one.dataset.state]));
  await settle(lead.page);
  await lead.page.waitForSelector('#documents a');
  await lead.page.$eval('#documents', (one) => one.scrollIntoView());
  await picture(lead, 'documents');
  mkdirSync(`${folder}/documents`, { recursive: true });
  seen.documents = [];
  for (const { name, href } of await lead.page.$$eval('#documents a', (links) => links.map(({ href, dataset }) => ({ name: dataset.document, href })))) {
    const { body, ...answer } = await fetched(lead, href);
    writeFileSync(`${folder}/documents/${name}`, body);
    seen.documents.push({ name, ...answer, bytes: body.length, begins: body.subarray(0, 4).toString('latin1') });
  }
  // What the service says and what the page shows, for the papers to be held against.
  const project = JSON.parse((await fetched(lead, await lead.page.evaluate(() => new URL(location.hash.slice(2), document.baseURI).href))).body);
  seen.result = JSON.parse((await fetched(lead, `${url}/analyses/jobs/${(project.project || project).check.job}/result`)).body);
  seen.checks = await lead.page.$$eval('.checks li', (list) => Object.fromEntries(list.map((one) => [one.dataset.rule, one.innerText])));
  seen.events = await lead.page.$$eval('.timeline-list li', (list) => list.length);
  step('summary');
  errors.push(...met());
} catch (problem) {
  errors.push(`after ${seen.steps.at(-1) || 'nothing'}: ${problem.message}`);
  await failed(folder);
} finally {
  await close();
}
console.log(JSON.stringify({ ...seen, errors }));
process.exit(errors.length === 0 ? 0 : 1);

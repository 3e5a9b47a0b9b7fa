// The review of a project, driven through the page as people do it, each under their own account in a browser of their own:
// register, bring the red line, see the violations, ask four departments, answer, ask for a supplement, be late, sum up, download.
//   node review.mjs URL ADMIN_PASSWORD RED_LINE_FILE FOLDER
// Prints one JSON line with what was seen; pictures go into FOLDER. Exit 1 when a step failed or a page had an error.
import { launch, watchedPage } from './browser.mjs';

const [url, oneTime, redLine, folder] = process.argv.slice(2);
const PASSWORD = 'Shen-cha-2026!';
const WAIT = { timeout: 60000 };
const DEPARTMENTS = ['林业局', '水利局', '生态环境局', '住建局'];
const browser = await launch();
const errors = [];
const seen = { steps: [] };

/** A person's own browser; `errors` are gathered. */
async function person(name) {
  const context = await browser.createBrowserContext();
  const { page, errors: own } = await watchedPage({ newPage: () => context.newPage() }, 1366, 768);
  page.setDefaultTimeout(WAIT.timeout);
  return { name, page, own };
}

const settle = (page) => page.waitForFunction(() => document.body.dataset.ready === 'true');

async function go({ page }, address) {
  await page.evaluate((hash) => {
    delete document.body.dataset.ready;
    if (location.hash === hash) dispatchEvent(new Event('hashchange'));
    else location.hash = hash;
  }, address);
  await settle(page);
}

/** Presses the visible button, link or summary with these words, in the topmost dialog or the log-in if there is one. */
async function press({ page, name }, words) {
  const found = await page.waitForFunction((text) => {
    const place = [...document.querySelectorAll('dialog[open]')].at(-1) || document.querySelector('.ask-who') || document;
    return [...place.querySelectorAll('button, a, summary')].find((one) => one.textContent.trim() === text && one.getClientRects().length && !one.disabled);
  }, {}, words).catch(() => { throw new Error(`${name}: nothing says ${words}`); });
  await found.evaluate((one) => one.click());
}

/** Types into the field with that label. */
async function type({ page, name }, label, value) {
  const done = await page.evaluate((text, typed) => {
    const place = [...document.querySelectorAll('dialog[open], .ask-who')].at(-1) || document;
    const found = [...place.querySelectorAll('label')].find((one) => one.textContent.trim() === text && one.htmlFor);
    const input = found && document.getElementById(found.htmlFor);
    if (!input) return false;
    input.value = typed;
    input.dispatchEvent(new Event('input', { bubbles: true }));
    input.dispatchEvent(new Event('change', { bubbles: true }));
    return input.value === typed;
  }, label, value);
  if (!done) throw new Error(`${name}: no field ${label} that takes ${value}`);
}

async function choose({ page, name }, label, words) {
  const done = await page.evaluate((text, option) => {
    const place = [...document.querySelectorAll('dialog[open]')].at(-1) || document;
    const found = [...place.querySelectorAll('label')].find((one) => one.textContent.trim() === text && one.htmlFor);
    const select = found && document.getElementById(found.htmlFor);
    const wanted = select && [...select.options].find((one) => one.textContent.trim() === option);
    if (!wanted) return false;
    select.value = wanted.value;
    select.dispatchEvent(new Event('change', { bubbles: true }));
    return true;
  }, label, words);
  if (!done) throw new Error(`${name}: no choice ${words} of ${label}`);
}

async function check({ page, name }, words, on = true) {
  const done = await page.evaluate((text, wanted) => {
    const place = [...document.querySelectorAll('dialog[open]')].at(-1) || document;
    const input = [...place.querySelectorAll('label.check')].find((one) => one.textContent.trim() === text)?.querySelector('input');
    if (input && input.checked !== wanted) input.click();
    return Boolean(input);
  }, words, on);
  if (!done) throw new Error(`${name}: nothing to tick called ${words}`);
}

const closed = ({ page }) => page.waitForFunction(() => !document.querySelector('dialog[open]'));
const picture = ({ page }, file) => page.screenshot({ path: `${folder}/${file}.png` });
const text = ({ page }, selector) => page.$eval(selector, (one) => one.innerText);
const step = (words) => { seen.steps.push(words); };

/** Logs in; with a one-time password the page asks for one's own. */
async function logIn(who, account, password) {
  const { page } = who;
  await page.goto(`${url}/#/projects`, { waitUntil: 'load' });
  await page.waitForSelector('.ask-who input');
  await type(who, '账号', account);
  await type(who, '密码', password);
  await press(who, '登录');
  await page.waitForSelector('dialog.password');
  await type(who, '现密码', password);
  await type(who, '新密码', PASSWORD);
  await type(who, '再输一次新密码', PASSWORD);
  await press(who, '修改密码');
  await closed(who);
  await page.waitForFunction((name) => document.getElementById('person-button').textContent.includes(name), {}, who.name);
  await settle(page);
}

async function makeUnit(admin, name) {
  await press(admin, '新增单位');
  await type(admin, '单位', name);
  await press(admin, '新增单位');
  await admin.page.waitForFunction((unit) => !document.querySelector('dialog[open]') && [...document.querySelectorAll('td')].some((cell) => cell.textContent === unit), {}, name);
}

/** An account made in the page; gives its one-time password. */
async function makeAccount(admin, account, name, unit, roles) {
  await press(admin, '新增账号');
  await type(admin, '账号', account);
  await type(admin, '姓名', name);
  await choose(admin, '单位', unit);
  for (const role of ['系统管理员', '牵头单位经办', '部门经办', '部门负责人', '只读']) await check(admin, role, roles.includes(role));
  await press(admin, '新增账号');
  const code = await admin.page.waitForSelector('dialog[open] code.one-time');
  const password = await code.evaluate((one) => one.textContent);
  await press(admin, '×');
  await admin.page.waitForFunction((wanted) => !document.querySelector('dialog[open]') && [...document.querySelectorAll('td')].some((cell) => cell.textContent === wanted), {}, account);
  return password;
}

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
  const people = {};
  const make = async (account, name, unit, roles) => { people[name] = [account, await makeAccount(admin, account, name, unit, roles)]; };
  await make('lead', '王经办', '自然资源局', ['牵头单位经办']);
  for (const [at, unit] of DEPARTMENTS.entries()) {
    await make(`officer${at}`, `${unit}经办`, unit, ['部门经办']);
    await make(`head${at}`, `${unit}负责人`, unit, ['部门负责人']);
  }
  await picture(admin, 'people');
  step('people');

  // The lead officer registers the project and brings its red line.
  const lead = await person('王经办');
  await logIn(lead, ...people['王经办']);
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
    await logIn(officer, ...people[`${unit}经办`]);
    officers.push(officer);
    const head = await person(`${unit}负责人`);
    await logIn(head, ...people[`${unit}负责人`]);
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
  seen.documents = await lead.page.$$eval('#documents a', (links) => Promise.all(links.map(async (link) => {
    const answer = await fetch(link.href);
    const bytes = new Uint8Array(await answer.arrayBuffer());
    return { name: link.dataset.document, status: answer.status, type: answer.headers.get('content-type'), bytes: bytes.length, begins: String.fromCharCode(...bytes.slice(0, 4)) };
  })));
  seen.events = await lead.page.$$eval('.timeline-list li', (list) => list.length);
  step('summary');
  for (const who of [admin, lead, ...officers, ...heads]) errors.push(...who.own.map((error) => `${who.name}: ${error}`));
} catch (problem) {
  errors.push(`after ${seen.steps.at(-1) || 'nothing'}: ${problem.message}`);
  for (const [at, page] of (await Promise.all(browser.browserContexts().map((context) => context.pages()))).flat().entries()) await page.screenshot({ path: `${folder}/failed-${at}.png` }).catch(() => {});
} finally {
  await browser.close();
}
console.log(JSON.stringify({ ...seen, errors }));
process.exit(errors.length === 0 ? 0 : 1);

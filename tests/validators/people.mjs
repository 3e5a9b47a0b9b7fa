// People at the page, each in a browser of their own: logging in, pressing, typing, choosing by the words that stand there.
import { launch, watchedPage } from './browser.mjs';

export const PASSWORD = 'Shen-cha-2026!';
/** Several browsers that draw in software may share two cores. */
const TIMEOUT_MS = 120000;

/** Everybody at one service: `person(name)` opens a browser of their own, `errors()` gathers what their pages met. */
export async function people(url) {
  const browser = await launch();
  const all = [];
  return {
    async person(name, [width, height] = [1366, 768]) {
      const context = await browser.createBrowserContext();
      const { page, errors: own } = await watchedPage({ newPage: () => context.newPage() }, width, height);
      page.setDefaultTimeout(TIMEOUT_MS);
      const who = { name, page, own, url };
      all.push(who);
      return who;
    },
    errors: () => all.flatMap(({ name, own }) => own.map((error) => `${name}: ${error}`)),
    async failed(folder) {
      for (const [at, { page }] of all.entries()) await page.screenshot({ path: `${folder}/failed-${at}.png` }).catch(() => {});
    },
    close: () => browser.close(),
  };
}

export const settle = (page) => page.waitForFunction(() => document.body.dataset.ready === 'true');

export async function go({ page }, address) {
  await page.evaluate((hash) => {
    delete document.body.dataset.ready;
    if (location.hash === hash) dispatchEvent(new Event('hashchange'));
    else location.hash = hash;
  }, address);
  await settle(page);
}

/** Presses the visible button, link or summary with these words, in the topmost dialog or the log-in if there is one. */
export async function press({ page, name }, words) {
  const found = await page.waitForFunction((text) => {
    const place = [...document.querySelectorAll('dialog[open]')].at(-1) || document.querySelector('.ask-who') || document;
    return [...place.querySelectorAll('button, a, summary')].find((one) => one.textContent.trim() === text && one.getClientRects().length && !one.disabled);
  }, {}, words).catch(() => { throw new Error(`${name}: nothing says ${words}`); });
  await found.evaluate((one) => one.click());
}

/** Types into the field with that label. */
export async function type({ page, name }, label, value) {
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

export async function choose({ page, name }, label, words) {
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

export async function check({ page, name }, words, on = true) {
  const done = await page.evaluate((text, wanted) => {
    const place = [...document.querySelectorAll('dialog[open]')].at(-1) || document;
    const input = [...place.querySelectorAll('label.check')].find((one) => one.textContent.trim() === text)?.querySelector('input');
    if (input && input.checked !== wanted) input.click();
    return Boolean(input);
  }, words, on);
  if (!done) throw new Error(`${name}: nothing to tick called ${words}`);
}

export const closed = ({ page }) => page.waitForFunction(() => !document.querySelector('dialog[open]'));
export const text = ({ page }, selector) => page.$eval(selector, (one) => one.innerText);

/** Logs in; with a one-time password the page asks for one's own. */
export async function logIn(who, account, password) {
  const { page } = who;
  await page.goto(`${who.url}/#/projects`, { waitUntil: 'load' });
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

export async function makeUnit(admin, name) {
  await press(admin, '新增单位');
  await type(admin, '单位', name);
  await press(admin, '新增单位');
  await admin.page.waitForFunction((unit) => !document.querySelector('dialog[open]') && [...document.querySelectorAll('td')].some((cell) => cell.textContent === unit), {}, name);
}

/** An account made in the page; gives its one-time password. */
export async function makeAccount(admin, account, name, unit, roles) {
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

/** An answer of the service to the person's own browser. */
export async function fetched({ page }, address) {
  const { body, ...answer } = await page.evaluate(async (from) => {
    const response = await fetch(from);
    const bytes = new Uint8Array(await response.arrayBuffer());
    let text = '';
    for (let at = 0; at < bytes.length; at += 32768) text += String.fromCharCode(...bytes.subarray(at, at + 32768));
    return { status: response.status, type: response.headers.get('content-type'), body: btoa(text) };
  }, address);
  return { ...answer, body: Buffer.from(body, 'base64') };
}

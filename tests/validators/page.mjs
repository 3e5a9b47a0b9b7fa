// Opens a page in headless Chromium, waits for an expression, keeps a picture, prints what it saw as one JSON line.
//   node page.mjs URL out.png [--wait JS] [--say JS] [--size WxH] [--do JS]
// Exit 1 when the page threw, logged an error, failed a request, or the expression never came true.
import { launch, watchedPage } from './browser.mjs';

const [url, out, ...rest] = process.argv.slice(2);
const option = (name, fallback) => { const at = rest.indexOf('--' + name); return at < 0 ? fallback : rest[at + 1]; };
const [width, height] = option('size', '1366x768').split('x').map(Number);
const browser = await launch();
const { page, errors } = await watchedPage(browser, width, height);
let said = null, ready = true;
try {
  await page.goto(url, { waitUntil: 'load', timeout: 60000 });
  if (option('do')) await page.evaluate(option('do'));
  if (option('wait')) await page.waitForFunction(option('wait'), { timeout: 240000, polling: 250 }).catch(() => { ready = false; });
  if (option('say')) said = await page.evaluate(option('say'));
  if (out && out !== '-') await page.screenshot({ path: out });
} finally { await browser.close(); }
console.log(JSON.stringify({ ready, errors, said }));
process.exit(ready && errors.length === 0 ? 0 : 1);

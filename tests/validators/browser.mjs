// Headless Chromium with software WebGL, and a page that keeps every error it meets.
import puppeteer from 'puppeteer-core';

export const launch = () => puppeteer.launch({ executablePath: process.env.CHROMIUM || '/usr/bin/chromium', headless: true, protocolTimeout: 300000, args: ['--no-sandbox', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--use-gl=angle', '--use-angle=swiftshader', '--enable-unsafe-swiftshader', '--lang=zh-CN'] });

export async function watchedPage(browser, width, height) {
  const page = await browser.newPage();
  const errors = [];
  await page.setViewport({ width, height });
  page.on('pageerror', (error) => errors.push(`page: ${error.message}`));
  page.on('console', (message) => { if (message.type() === 'error') errors.push(`console: ${message.text()}`); });
  page.on('requestfailed', (request) => { if (request.failure()?.errorText !== 'net::ERR_ABORTED') errors.push(`request: ${request.url()} ${request.failure()?.errorText}`); });
  page.on('response', (response) => { if (response.status() >= 400) errors.push(`${response.status()} ${response.url()}`); });
  return { page, errors };
}

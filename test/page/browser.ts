// SPDX-License-Identifier: Apache-2.0
// Chromium without a screen, for tests of the live page.
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';

interface Scope {
  after(undo: () => Promise<void>): void;
}

/** On a busy machine a browser takes its time. */
const WITHIN_MS = 240_000;

export async function launchBrowser(t: Scope): Promise<Browser> {
  const browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    // A test runs as root, for which Chromium has no sandbox; a container's /dev/shm may be small.
    args: ['--no-sandbox', '--disable-dev-shm-usage'],
  });
  t.after(() => browser.close());
  return browser;
}

export async function newPage(browser: Browser, options: BrowserContextOptions): Promise<Page> {
  const page = await browser.newPage(options);
  page.setDefaultTimeout(WITHIN_MS);
  return page;
}

/** Opens a page, on a phone where it is narrow; `complaints` gets its errors, its warnings and its requests to other hosts. */
export async function openPage(
  browser: Browser,
  url: string,
  width = 1280,
): Promise<{ page: Page; complaints: string[] }> {
  const isMobile = width < 500;
  const page = await newPage(browser, { viewport: { width, height: 800 }, isMobile, hasTouch: isMobile });
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('request', (request) => {
    if (new URL(request.url()).origin !== new URL(url).origin) complaints.push(`asks elsewhere: ${request.url()}`);
  });
  await page.goto(url);
  return { page, complaints };
}

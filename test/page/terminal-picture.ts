// SPDX-License-Identifier: Apache-2.0
// What a command wrote to a terminal, as a picture: its text and colours, drawn by Chromium.
import type { Browser } from 'playwright-core';
import { newPage } from './browser.ts';

const CLASSES: Readonly<Record<string, string>> = {
  1: 'bold',
  2: 'dim',
  7: 'inverse',
  31: 'red',
  32: 'green',
  33: 'yellow',
  35: 'magenta',
  36: 'cyan',
};
const STYLE = `
  body { margin: 0; background: #14181d; }
  pre { display: inline-block; margin: 0; padding: 18px 22px; font: 14px/1.35 'DejaVu Sans Mono', monospace; color: #d7dde3; }
  .bold { font-weight: bold } .dim { color: #8b96a1 } .inverse { background: #d7dde3; color: #14181d }
  .red { color: #ff7a70 } .green { color: #6fcf7d } .yellow { color: #f0c04f } .magenta { color: #dd8fe0 } .cyan { color: #6cc7dd }`;

export async function terminalPicture(browser: Browser, written: string, path: string): Promise<void> {
  const page = await newPage(browser, { viewport: { width: 1600, height: 900 }, deviceScaleFactor: 1.5 });
  await page.setContent(`<style>${STYLE}</style><pre>${coloured(written)}</pre>`);
  await page.locator('pre').screenshot({ path });
  await page.close();
}

/** The last picture with these words of a program that draws over its screen; `written` by script(1) as a whole. */
export function screenWith(words: string, written: string): string {
  const pictures = written.split('\u001b[H').slice(1);
  const whole = pictures.findLast((one) => one.includes(words) && one.includes('\u001b[J')) ?? '';
  return (whole.split('\u001b[J')[0] ?? '').replaceAll('\u001b[K', '').replaceAll('\r', '');
}

function coloured(text: string): string {
  let open: readonly string[] = [];
  const parts = text.replaceAll('\r', '').split('\u001b[');
  return parts
    .map((part, index) => {
      const [, codes = '', rest = part] = index === 0 ? [] : (/^([\d;]*)m(.*)$/s.exec(part) ?? []);
      for (const code of codes.split(';')) open = after(open, code);
      const marked = rest.replace(/[&<>]/g, (sign) => `&#${sign.charCodeAt(0)};`);
      return open.length > 0 ? `<span class="${open.join(' ')}">${marked}</span>` : marked;
    })
    .join('');
}

const COLOURS = ['red', 'green', 'yellow', 'magenta', 'cyan'];

function after(open: readonly string[], code: string): readonly string[] {
  const added = CLASSES[code];
  if (added) return [...open, added];
  if (code === '22') return open.filter((one) => one !== 'bold' && one !== 'dim');
  if (code === '27') return open.filter((one) => one !== 'inverse');
  if (code === '39') return open.filter((one) => !COLOURS.includes(one));
  return code === '0' ? [] : open;
}

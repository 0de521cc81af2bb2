// SPDX-License-Identifier: Apache-2.0
// Pictures of dashboards: Grafana's components in Chromium, with what a Prometheus answered. Grafana's packages have a lock file of their own
// in dashboards/pictures: they weigh 400 MB, and only these pictures need them.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { build, type Plugin } from 'esbuild';
import type { Browser, Page } from 'playwright-core';
import { parseJson } from '../../test/host/checked-json.ts';
import { until } from '../../test/host/until.ts';
import { launchBrowser, newPage } from '../../test/page/browser.ts';
import type { BoardData, Drawn, Mark, TargetAnswer } from '../pictures/board-data.ts';
import { allPanels, filledIn, marksOf } from '../promql/panel-queries.ts';
import { answersOf, type Choices, type Span } from './answers.ts';
import type { Prometheus } from './prometheus.ts';

const root = join(import.meta.dirname, '../..');
const room = join(root, 'dashboards/pictures');
export const installed = join(root, 'dist/grafana');
const ORIGIN = 'http://grafana.invalid';
const ICONS = join(installed, 'node_modules/@grafana/ui/dist/public/img/icons');
/** Packages of an editor that no panel uses. */
const EDITOR = /^(@monaco-editor\/react|monaco-editor)(\/|$)/;

/** Installs what the page's type check and bundle need. Test files that run side by side wait for each other. */
export function installGrafana(): void {
  mkdirSync(installed, { recursive: true });
  const [lock, done] = [join(room, 'package-lock.json'), join(installed, 'done.json')];
  const install = `cp "${room}/package.json" "${room}/.npmrc" "${lock}" . && npm ci --no-audit --no-fund && cp "${lock}" "${done}"`;
  // The type checker looks for packages in the folders above the one by which it got to the page.
  const link = `ln -sfn "${room}" pictures`;
  const script = `cmp -s "${lock}" "${done}" || { ${install} && ${link}; }`;
  execFileSync('flock', [`${installed}.lock`, 'sh', '-c', script], {
    cwd: installed,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

interface BoardPage {
  readonly script: string;
  readonly style: string;
}

async function bundleBoard(): Promise<BoardPage> {
  const { outputFiles } = await build({
    entryPoints: [join(room, 'board.tsx')],
    outdir: join(installed, 'bundle'),
    nodePaths: [join(installed, 'node_modules')],
    bundle: true,
    write: false,
    format: 'iife',
    target: 'es2022',
    jsx: 'automatic',
    define: { 'process.env.NODE_ENV': '"production"' },
    loader: { '.woff': 'dataurl', '.woff2': 'dataurl', '.svg': 'text' },
    logLevel: 'error',
    plugins: [withoutEditor],
  });
  const text = (end: string): string => outputFiles.find(({ path }) => path.endsWith(end))?.text ?? '';
  return { script: text('.js'), style: text('.css') };
}

const withoutEditor: Plugin = {
  name: 'without-editor',
  setup: ({ onResolve, onLoad }) => {
    onResolve({ filter: EDITOR }, ({ path }) => ({ path, namespace: 'none' }));
    onLoad({ filter: /./, namespace: 'none' }, () => ({ contents: 'module.exports = {}' }));
  },
};

/** The answers to all that Grafana would ask for when it shows the dashboard. */
async function boardData(
  prometheus: Prometheus,
  dashboard: Dashboard,
  choices: Choices,
  span: Span,
): Promise<BoardData> {
  const answers: (readonly TargetAnswer[])[] = [];
  for (const panel of allPanels(dashboard)) {
    const answered = await answersOf(prometheus, panel, choices, span);
    answers.push(answered.map(({ query, series }) => ({ refId: query.refId, legend: query.legend, series })));
  }
  const marks: Mark[] = [];
  for (const { expr, color } of marksOf(dashboard)) {
    const series = await prometheus.range(filledIn(expr, choices), span.from, span.to);
    marks.push(...series.flatMap(({ points }) => timesOf(points).map((time) => ({ ...time, color }))));
  }
  // Grafana reads the JSON.
  return { dashboard: parseJson(JSON.stringify(dashboard)), answers, choices, marks, span };
}

/** Joins points that are at most two seconds apart to spans of time. */
function timesOf(points: readonly (readonly [number, number])[]): readonly Span[] {
  const times: Span[] = [];
  for (const [moment] of points) {
    const last = times.at(-1);
    if (last !== undefined && moment - last.to <= 2) times[times.length - 1] = { from: last.from, to: moment };
    else times.push({ from: moment, to: moment });
  }
  return times;
}

interface ShownBoard {
  readonly name: string;
  readonly dashboard: Dashboard;
  readonly choices: Choices;
  readonly span: Span;
}

/** A rate needs two scrapes: the picture begins after them. */
const FIRST_RATE_S = 4;
const PHONE = 390;
const WIDTHS = { '': 1440, '-phone': PHONE };
const PHONE_HEIGHT = 2200;
/** A page that asks for nothing for so long has all its icons. */
const QUIET_MS = 1000;

/** Draws these dashboards for a screen and a phone; UPDATE=1 keeps the pictures in docs/, of the phone the first screens of Host. */
export async function boardPictures(
  t: TestContext,
  prometheus: Prometheus,
  boards: readonly ShownBoard[],
): Promise<void> {
  installGrafana();
  const bundle = await bundleBoard();
  const browser = await launchBrowser(t);
  for (const { name, dashboard, choices, span } of boards) {
    const later = { ...span, from: span.from + FIRST_RATE_S };
    const data = await boardData(prometheus, dashboard, choices, later);
    for (const [suffix, width] of Object.entries(WIDTHS)) {
      const { png, drawn, complaints } = await drawBoard(browser, bundle, data, width);
      assert.deepEqual(complaints, [], `${name}: ${width} px`);
      assert.deepEqual(drawn.blank, [], `${name}: panels with data that show nothing at ${width} px`);
      assert.deepEqual(drawn.unexplained, [], `${name}: panels without data or a reason for that`);
      if (process.env.UPDATE === '1' && (width > PHONE || name === 'host'))
        keep(png, `docs/dashboard-${name}${suffix}.png`);
    }
  }
}

function keep(png: Buffer, path: string): void {
  // A palette of 256 colours: a third of the bytes.
  const args = ['--quality=70-95', '--speed=1', '-'];
  writeFileSync(path, execFileSync('pngquant', args, { input: png, maxBuffer: 2 ** 26 }));
}

async function drawBoard(
  browser: Browser,
  { script, style }: BoardPage,
  data: BoardData,
  width: number,
): Promise<{ readonly png: Buffer; readonly drawn: Drawn; readonly complaints: readonly string[] }> {
  const page = await newPage(browser, { viewport: { width, height: 900 } });
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  const asked = await routeFiles(
    page,
    `<!doctype html><meta charset="utf-8"><style>${style} body { margin: 0 }</style><div id="root"></div>`,
  );
  await page.goto(ORIGIN);
  await page.addScriptTag({ content: script });
  const drawn = await page.evaluate((board): Promise<Drawn> => Reflect.get(globalThis, 'show')(board), data);
  await page.setViewportSize({ width, height: drawn.height });
  await quiet(asked);
  const height = width > PHONE ? drawn.height : PHONE_HEIGHT;
  const png = await page.screenshot({ clip: { x: 0, y: 0, width, height } });
  await page.close();
  return { png, drawn, complaints };
}

interface Asked {
  /** When the page asked for its last file. */
  lastAt: number;
}

/** Icons come one after the other, on a busy machine later than all panels. */
async function quiet(asked: Asked): Promise<void> {
  await until(() => performance.now() - asked.lastAt > QUIET_MS);
}

async function routeFiles(page: Page, html: string): Promise<Asked> {
  const asked: Asked = { lastAt: performance.now() };
  await page.route(`${ORIGIN}/**`, (route) => {
    asked.lastAt = performance.now();
    const [, icon] = /\/public\/build\/img\/icons\/(.*)$/.exec(route.request().url()) ?? [];
    if (icon === undefined) return route.fulfill({ contentType: 'text/html', body: html });
    const file = join(ICONS, icon);
    return existsSync(file)
      ? route.fulfill({ contentType: 'image/svg+xml', body: readFileSync(file, 'utf8') })
      : route.fulfill({ status: 404, body: '' });
  });
  return asked;
}

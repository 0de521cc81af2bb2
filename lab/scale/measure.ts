// SPDX-License-Identifier: Apache-2.0
// One size: the agent as built beside real taps, idle, scraped, asked by `tapscope check`, and while devices come and go.
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { type Agent, startAgent, tapscope } from '../../test/agent/serve-process.ts';
import { bundle } from '../../test/bundle.ts';
import { coreShare, cpuMs } from '../../test/host/cpu-time.ts';
import { LOOP_REPORT, type LoopReport } from '../../test/host/event-loop.ts';
import { percentile } from '../../test/host/percentile.ts';
import { makeTaps, type Taps } from '../../test/host/real-taps.ts';
import { scoped } from '../../test/host/scope.ts';
import { launchBrowser, openPage } from '../../test/page/browser.ts';
import { scrape } from './scrape.ts';

export interface Scaled {
  readonly queues: number;
  readonly taps: number;
  readonly namespaces: number;
  /** The time from the start to the first complete scrape. */
  readonly startMs: number;
  /** Shares of one core: without a packet, and with one queue that gets some. */
  readonly idle: number;
  readonly trickle: number;
  /** The same as `idle`, in the first minute, in which V8 still compiles. */
  readonly young: number;
  /** CPU of one scrape with its snapshot, and how long it takes with others at the same time. */
  readonly scrapeCpuMs: number;
  readonly scrapeP50Ms: number;
  readonly scrapeP99Ms: number;
  readonly series: number;
  /** Delays of the event loop that the agent itself causes, while rounds and scrapes run. */
  readonly loopP99Ms: number;
  readonly loopMaxMs: number;
  readonly checkMs: number;
  /** The time from the request for the live page to the first queue that it shows, in a browser. */
  readonly pageMs: number;
  readonly residentBytes: number;
  /** Share of one core while devices come and go, and how many did in a second. */
  readonly churn: number;
  readonly churned: number;
}

const ROOT = join(import.meta.dirname, '../..');
/** All ten-second windows are over, and what is looked at every ten seconds was. */
const SETTLE_MS = 25_000;
/** The windows that rules look at. */
const WINDOWS_MS = 12_000;
/** V8 has compiled what runs each second, on its own threads. */
const COMPILED_MS = 20_000;
const IDLE_SECONDS = 20;
const TRICKLE_SECONDS = 10;
const SCRAPES = 10;
const ROUNDS = 15;
const AT_ONCE = 3;
const PAUSE_MS = 200;
const CHURN_PER_SECOND = 100;
const CHURN_SECONDS = 5;

export function measure(queues: number): Promise<Scaled> {
  return scoped(async (t) => {
    say(`${queues} queues: making them …`);
    const costs = await measureCosts(await makeTaps(t, queues));
    say('its event loop …');
    return { ...costs, ...(await measureLoop()) };
  });
}

/** Starts the agent as built, which rests while all is well, and ends it when the work is done. */
function withAgent<Result>(work: (agent: Agent) => Promise<Result>, wrapper: readonly string[] = []): Promise<Result> {
  return scoped(async (t) => work(await startAgent(t, ['--detail=queue', '--level=auto'], { wrapper })));
}

function measureCosts(taps: Taps): Promise<Omit<Scaled, 'loopP99Ms' | 'loopMaxMs'>> {
  return withAgent(async (agent) => {
    const { startedInMs: startMs } = agent;
    const pids = agent.processes();
    await wait(SETTLE_MS);
    say('idle …');
    const young = await coreShare(pids, IDLE_SECONDS);
    await wait(COMPILED_MS);
    const idle = await coreShare(pids, IDLE_SECONDS);
    say('scraped …');
    const { cpu: scrapeCpuMs, series } = await scrapeCost(agent, idle);
    const times = await scrapeTogether(agent);
    const began = performance.now();
    const { code } = await tapscope(['check', `--socket=${agent.socket}`]);
    if (code === 3) say('tapscope check answered UNKNOWN');
    const checkMs = performance.now() - began;
    const pageMs = await openedWithin(agent);
    say('some packets …');
    const still = await taps.trickle();
    await wait(PAUSE_MS);
    const trickle = await coreShare(pids, TRICKLE_SECONDS);
    await still();
    say('devices come and go …');
    const [before, from] = [cpuMs(pids), performance.now()];
    await taps.churn(CHURN_PER_SECOND, CHURN_SECONDS);
    const elapsed = performance.now() - from;
    return {
      ...taps,
      startMs,
      idle,
      young,
      trickle,
      scrapeCpuMs,
      series,
      scrapeP50Ms: percentile(times, 0.5),
      scrapeP99Ms: percentile(times, 0.99),
      checkMs,
      pageMs,
      residentBytes: agent.residentMemory(),
      churn: (cpuMs(pids) - before) / elapsed,
      churned: (1000 * CHURN_PER_SECOND * CHURN_SECONDS) / elapsed,
    };
  });
}

function openedWithin({ url }: Agent): Promise<number> {
  return scoped(async (t) => {
    const { page } = await openPage(await launchBrowser(t), url);
    await page.locator('#queues tbody tr').first().waitFor();
    return page.evaluate(() => performance.now());
  });
}

/** The cost of scrapes one after the other, each with its own snapshot, without what the idle agent takes in that time. */
async function scrapeCost(
  { processes, url }: Agent,
  idle: number,
): Promise<{ readonly cpu: number; readonly series: number }> {
  const pids = processes();
  const [before, began] = [cpuMs(pids), performance.now()];
  let lines = 0;
  for (let count = 0; count < SCRAPES; count += 1) ({ lines } = await scrape(url));
  const cpu = (cpuMs(pids) - before - idle * (performance.now() - began)) / SCRAPES;
  return { cpu, series: lines };
}

async function scrapeTogether({ url }: Agent): Promise<number[]> {
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const answers = await Promise.all(Array.from({ length: AT_ONCE }, () => scrape(url)));
    times.push(...answers.map(({ ms }) => ms));
    await wait(PAUSE_MS);
  }
  return times;
}

/** Measures in an agent of its own, for watching takes CPU. The slower of its two processes counts. */
async function measureLoop(): Promise<Pick<Scaled, 'loopP99Ms' | 'loopMaxMs'>> {
  // The process that serves may read the build, and nothing else of the tree.
  const { place } = await bundle('loop', ['lab/scale/loop.ts']);
  const wrapper = ['env', `NODE_OPTIONS=--import ${join(ROOT, place('lab/scale/loop.ts'))}`];
  return withAgent(async (agent) => {
    const signal = (): void => agent.processes().forEach((pid) => void process.kill(pid, 'SIGUSR2'));
    await wait(WINDOWS_MS);
    signal();
    await scrapeTogether(agent);
    await wait(WINDOWS_MS);
    signal();
    await wait(PAUSE_MS);
    const reports = reportsIn((await agent.stop()).stderr);
    return {
      loopP99Ms: Math.max(...reports.map(({ ownP99Ms }) => ownP99Ms)),
      loopMaxMs: Math.max(...reports.map(({ ownMaxMs }) => ownMaxMs)),
    };
  }, wrapper);
}

/** The reports of both processes. */
function reportsIn(stderr: string): readonly LoopReport[] {
  const lines = stderr.split('\n').filter((line) => line.startsWith(LOOP_REPORT));
  if (lines.length !== 2) throw new Error(`${lines.length} of two processes reported their event loops: ${stderr}`);
  return lines.map((line) => JSON.parse(line.slice(LOOP_REPORT.length)));
}

function say(what: string): void {
  process.stderr.write(`${what}\n`);
}

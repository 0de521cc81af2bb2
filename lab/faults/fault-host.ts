// SPDX-License-Identifier: Apache-2.0
// The host on which faults are played: a network namespace with two taps, an agent as built, and the truth beside it.
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as wait } from 'node:timers/promises';
import {
  type Agent,
  type Finished,
  finished,
  launch,
  type Metrics,
  parseMetrics,
  startAgent,
} from '../../test/agent/serve-process.ts';
import { type NamespaceLab, namespaceLab } from '../../test/host/netns.ts';
import type { Scope } from '../../test/host/scope.ts';
import type { TestReader } from '../../test/test-reader/test-reader.ts';
import { FOLDER, markedBy } from './traces.ts';
import { distance, type Figures, WatchedTap } from './watched-tap.ts';

export const SOCKET = `${FOLDER}/agent.sock`;
/** Only these are shown: other tests have taps on this machine. */
const OURS = 'fault.*';
const QUIET_RING = 10;
const LOADED_RING = 500;
/** A page of two thousand taps takes seconds where other tests have the CPUs. */
const PATIENCE_MS = 60_000;
const PATIENT = { 'x-prometheus-scrape-timeout-seconds': '60' };
const AGAIN_MS = 100;
/** A mark comes with the third snapshot that disagrees. */
const RIGHT_WITHIN_MS = 6000;

/** How the agent of a fault is started. */
export interface StartOptions {
  readonly args?: readonly string[];
  readonly wrapper?: readonly string[];
}

export class FaultHost {
  readonly lab: NamespaceLab;
  readonly folder: string;
  readonly sender: TestReader;
  readonly reader: TestReader;
  readonly webConfig: string;
  /** Taps that are held against the page. */
  readonly taps = new Set<WatchedTap>();
  /** When the fault of this round was over. */
  overAt: number | undefined;
  /** What a fault counted besides, a line each, for who plays it. */
  readonly notes: string[] = [];
  /** What agents said that have ended. */
  readonly ended: Finished[] = [];
  readonly #scope: Scope;
  readonly #undo: (() => unknown)[] = [];
  #agent: Agent | undefined;
  #options: StartOptions = {};

  private constructor(scope: Scope, lab: NamespaceLab, [sender, reader]: readonly [TestReader, TestReader]) {
    this.#scope = scope;
    this.lab = lab;
    this.sender = sender;
    this.reader = reader;
    this.folder = mkdtempSync(join(tmpdir(), 'tapscope-faults-'));
    scope.after(async () => rmSync(this.folder, { recursive: true, force: true }));
    this.webConfig = join(this.folder, 'web.yml');
    this.writeWebConfig();
  }

  static async make(scope: Scope): Promise<FaultHost> {
    const lab = await namespaceLab(scope);
    const testReaders = [await lab.testReader(), await lab.testReader()] as const;
    const host = new FaultHost(scope, lab, testReaders);
    await host.tap('faultquiet', QUIET_RING);
    await host.tap('faultload', LOADED_RING);
    return host;
  }

  /** The runner asks far more often than any Prometheus. */
  writeWebConfig(): void {
    writeFileSync(this.webConfig, 'rate_limit: { interval: 0s, burst: 1 }\n');
  }

  async tap(
    name: string,
    ring: number,
    lab = this.lab,
    testReaders = [this.sender, this.reader] as const,
  ): Promise<WatchedTap> {
    const made = await WatchedTap.make(lab, name, ring, testReaders);
    this.taps.add(made);
    return made;
  }

  /** Makes a tap of two queues. */
  async twoQueues(name: string): Promise<WatchedTap> {
    const queues = [`${name}-0`, `${name}-1`];
    const made = await WatchedTap.make(this.lab, name, LOADED_RING, [this.sender, this.reader], queues);
    this.taps.add(made);
    return made;
  }

  /** Returns when the page has the tap as it is, or marks it. */
  async isRight(tap: WatchedTap): Promise<void> {
    const began = performance.now();
    let shown: Figures | undefined;
    const agrees = async (): Promise<boolean> => {
      const page = await this.pageSince(began);
      shown = tap.shown(page);
      return shown !== undefined && (distance(shown, tap.truth()) === 0 || tap.isMarked(page));
    };
    await soon(tap.name, agrees, RIGHT_WITHIN_MS).catch(() => {
      throw new Error(`${tap.name} is shown as ${JSON.stringify(shown)}, and is ${JSON.stringify(tap.truth())}`);
    });
  }

  get quiet(): WatchedTap {
    return this.#named('faultquiet');
  }

  get loaded(): WatchedTap {
    return this.#named('faultload');
  }

  #named(id: string): WatchedTap {
    return [...this.taps].find((tap) => tap.id === id) ?? assert.fail(`there is no ${id}`);
  }

  get agent(): Agent {
    return this.#agent ?? assert.fail('no agent runs');
  }

  get isRunning(): boolean {
    return this.#agent !== undefined;
  }

  /** Sets how the agents of one fault are started. */
  configure(options: StartOptions): void {
    this.#options = options;
  }

  #words({ args = [] }: StartOptions): readonly string[] {
    return [`--socket=${SOCKET}`, `--web.config.file=${this.webConfig}`, `--device-include=${OURS}`, ...args];
  }

  /** Resolves with the first whole scrape. */
  async start(): Promise<Agent> {
    const { args = ['--budget=off'], wrapper = [] } = this.#options;
    const scope = { after: (step: () => unknown) => void this.#undo.unshift(step) };
    this.#agent = await startAgent(scope, this.#words({ args }), { wrapper: [...markedBy, ...wrapper] });
    return this.#agent;
  }

  /** An agent that is not waited for, as its port is nothing to ask. */
  begin({ args = ['--budget=off'], wrapper = [] }: StartOptions = this.#options): {
    child: ChildProcess;
    end: Promise<Finished>;
  } {
    const words = ['serve', '--web.listen-address=127.0.0.1:0', ...this.#words({ args })];
    const child = launch(words, { wrapper: [...markedBy, ...wrapper] });
    const kill = (): void => void child.kill('SIGKILL');
    this.#scope.after(async () => kill());
    return { child, end: finished(child) };
  }

  /** Ends the agent, and keeps what it said. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const agent = this.#agent;
    if (!agent) return;
    this.#agent = undefined;
    this.ended.push(await agent.stop(signal));
    for (const step of this.#undo.splice(0)) await step();
  }

  over(): void {
    this.overAt = performance.now();
  }

  /** As a scraper gets it, which comes again where the agent has no page now. */
  async page(): Promise<Metrics> {
    const deadline = performance.now() + PATIENCE_MS;
    for (;;) {
      try {
        return parseMetrics(await ask(`${this.agent.url}/metrics`));
      } catch (error) {
        if (!(error instanceof NoPage) || performance.now() > deadline) throw error;
        await wait(AGAIN_MS);
      }
    }
  }

  /** A page whose snapshot was taken after this moment (performance.now()): on a host without free CPU a scrape gets an older one. */
  async pageSince(ms: number): Promise<Metrics> {
    const deadline = performance.now() + PATIENCE_MS;
    for (;;) {
      const askedMs = performance.now();
      const page = await this.page().catch(() => undefined);
      const age = page?.value('tapscope_snapshot_age_seconds');
      if (page && age !== undefined && askedMs - 1000 * age >= ms) return page;
      if (performance.now() > deadline) throw new Error(`no page of now in ${PATIENCE_MS} ms`);
      await wait(20);
    }
  }

  async unload(): Promise<void> {
    for (const tap of this.taps) await tap.unload();
  }
}

/** The process of the agent that answers requests. */
export function servingOf({ agent }: FaultHost): number {
  return agent.servingPid() ?? assert.fail('nothing serves');
}

/** The agent refused a request for now: it has no snapshot yet, or no place. */
class NoPage extends Error {}

const REFUSED_FOR_NOW = [408, 429, 503];

/** The text of a page; what refuses one has no figures, and is an error. Each has a connection of its own, so that none is left open. */
export function ask(url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = get(url, { agent: false, timeout: PATIENCE_MS, headers: PATIENT }, (answer) => {
      const { statusCode = 0 } = answer;
      const refused = (said: string): Error =>
        new (REFUSED_FOR_NOW.includes(statusCode) ? NoPage : Error)(`${statusCode}: ${said.slice(0, 200)}`);
      text(answer).then((said) => (statusCode === 200 ? resolve(said) : reject(refused(said))), reject);
    });
    request.once('timeout', () => request.destroy(new Error(`no answer in ${PATIENCE_MS} ms`)));
    request.once('error', reject);
  });
}

/** Asks until it is so; says what was waited for. */
export async function soon(what: string, isSo: () => boolean | Promise<boolean>, limitMs = 20_000): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error(`Not within ${limitMs} ms: ${what}.`);
    await wait(10);
  }
}

/** Takes the steps again and again while `work` lasts. Both have ended when it resolves, or rejects as the first that failed. */
export async function whileDoing(work: Promise<unknown>, step: () => Promise<unknown>): Promise<void> {
  let isOver = false;
  const end = work.finally(() => {
    isOver = true;
  });
  const steps = async (): Promise<void> => {
    while (!isOver) await step();
  };
  const failed = (await Promise.allSettled([end, steps()])).find(({ status }) => status === 'rejected');
  if (failed?.status === 'rejected') throw failed.reason;
}

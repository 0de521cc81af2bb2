// SPDX-License-Identifier: Apache-2.0
// The product as built, run as an operator runs it: `tapscope COMMAND`, its answers and what the kernel says of its process.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { get } from 'node:http';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as wait } from 'node:timers/promises';
import { sumOf } from '../../src/engine/queue-sums.ts';
import { freePort } from '../host/free-port.ts';
import type { Scope } from '../host/scope.ts';
import { dismissStanding, standing } from './shared-agent.ts';

const ROOT = join(import.meta.dirname, '../..');
const MAIN = join(ROOT, 'dist/src/main.js');
/** The longest time of a start. In a VM on a busy machine it takes hundreds of times as long as on a quiet one: 45 s were usual, 120 s were not enough once. */
const START_WITHIN_MS = 300_000;

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  /** A program that starts ours, with its own arguments: ['setpriv', '--reuid=65534']. */
  readonly wrapper?: readonly string[];
  /** '': every address. */
  readonly listen?: string;
  /** Gets what it writes, which finished() does not hear then. */
  readonly output?: number;
  /** The Node.js that runs it; default: that of the tests. */
  readonly node?: string;
}

/** Runs a command to its end. */
export async function tapscope(args: readonly string[], options: RunOptions = {}): Promise<Finished> {
  return finished(launch(args, options));
}

export interface Begun {
  readonly pid: number;
  /** Resolves with the first line of stderr that matches. */
  says(pattern: RegExp): Promise<void>;
  signal(name: NodeJS.Signals): void;
  readonly end: Promise<Finished>;
}

/** A command that is to be interrupted. */
export function begin(args: readonly string[]): Begun {
  const child = launch(args, {});
  let said = '';
  child.stderr?.on('data', (data) => {
    said += data;
  });
  const end = finished(child);
  return {
    pid: child.pid ?? 0,
    says: async (pattern) => {
      while (!pattern.test(said)) {
        assert.equal(child.exitCode, null, `it ended before it said ${pattern}: ${said}`);
        await wait(20);
      }
    },
    signal: (name) => void child.kill(name),
    end,
  };
}

export interface Metrics {
  readonly text: string;
  /** Value of the one series with these labels among its own; undefined: there is none. Throws if there are several. */
  value(name: string, labels?: Readonly<Record<string, string>>): number | undefined;
  /** Sum over all series with these labels, by the value of one more label; {} if there are none. */
  by(label: string, name: string, labels?: Readonly<Record<string, string>>): Readonly<Record<string, number>>;
  /** Names that have a series with these labels. */
  names(labels: Readonly<Record<string, string>>): ReadonlySet<string>;
}

export interface Agent {
  readonly pid: number;
  readonly url: string;
  /** The path of its unix socket. */
  readonly socket: string;
  /** The time from the start to the first complete scrape. */
  readonly startedInMs: number;
  metrics(): Promise<Metrics>;
  /** The process that answers requests; undefined: there is none at the moment. */
  servingPid(): number | undefined;
  /** The ids of both processes. */
  processes(): readonly number[];
  /** Bytes, of both processes; the files that they share count once. */
  residentMemory(): number;
  /** The number of open descriptors of both processes. */
  descriptors(): number;
  /** What it wrote to stderr until now. */
  said(): string;
  stop(signal?: NodeJS.Signals): Promise<Finished>;
}

/** An agent of the test's own, for a test that says how and when it starts, or ends it; with every metric, if it does not say otherwise. */
export async function startAgent(t: Scope, args: readonly string[] = [], options: RunOptions = {}): Promise<Agent> {
  await dismissStanding();
  const says = args.some((arg) => arg.startsWith('--detail'));
  return start(t, says ? args : ['--detail=full', ...args], options);
}

/** `serve` with all that it can tell, as the test before left it. */
export const standingAgent: () => Promise<Agent> = standing((scope) =>
  start(scope, ['--budget=off', '--detail=cpu'], {}),
);

async function start(scope: Scope, args: readonly string[], options: RunOptions): Promise<Agent> {
  const port = await freePort();
  const started = performance.now();
  const { listen = '127.0.0.1' } = options;
  const socket = join(tmpdir(), `tapscope-lab-${process.pid}-${port}.sock`);
  // A test says so where it is about an agent that rests.
  const level = args.some((arg) => arg.startsWith('--level=')) ? [] : ['--level=exact'];
  const child = launch(
    ['serve', ...level, `--web.listen-address=${listen}:${port}`, `--socket=${socket}`, ...args],
    options,
  );
  const end = finished(child);
  let said = '';
  child.stderr?.on('data', (data) => {
    said += data;
  });
  const kill = (): void => void child.kill('SIGKILL');
  scope.after(async () => {
    process.off('exit', kill);
    keep(child, true);
    kill();
    await end;
    rmSync(socket, { force: true });
  });
  // A shared agent ends with the tests' process, and does not keep that process alive.
  process.on('exit', kill);
  keep(child, false);
  const url = `http://127.0.0.1:${port}`;
  const metrics = async (): Promise<Metrics> => parseMetrics(await freshPage(url));
  await firstAnswer(url, end);
  const startedInMs = performance.now() - started;
  const pid = child.pid ?? 0;
  const processes = () => [pid, ...childrenOf(pid)];
  return {
    pid,
    url,
    socket,
    startedInMs,
    metrics,
    servingPid: () => childrenOf(pid)[0],
    processes,
    residentMemory: () => residentMemory(processes()),
    said: () => said,
    descriptors: () => sumOf(processes().map((each) => readdirSync(`/proc/${each}/fd`).length)),
    stop: async (signal = 'SIGTERM') => {
      keep(child, true);
      child.kill(signal);
      return end;
    },
  };
}

/** The children of a process. Field 4 of stat, behind the name in brackets, is the parent (proc(5)). */
function childrenOf(pid: number): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && parentOf(name) === pid)
    .map(Number);
}

function parentOf(pid: string): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return 0; // it has ended
  }
}

/** Bytes in memory: what the process has of its own, and of files. */
export function memoryOf(pid: number): { readonly own: number; readonly files: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const bytes = (name: string): number => 1024 * Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1]);
  return { own: bytes('RssAnon') + bytes('RssShmem'), files: bytes('RssFile') };
}

/** Bytes: what each process has of its own, and once the files that they share, which are Node.js itself. */
function residentMemory(pids: readonly number[]): number {
  const parts = pids.map(memoryOf);
  return sumOf(parts.map(({ own }) => own)) + Math.max(...parts.map(({ files }) => files));
}

/** Sets whether this process waits for the child's end. */
function keep(child: ChildProcess, waits: boolean): void {
  const pipes = [child.stdout, child.stderr].filter((stream) => stream instanceof Socket);
  for (const one of [child, ...pipes]) waits ? one.ref() : one.unref();
}

export function launch(
  args: readonly string[],
  { wrapper = [], node = process.execPath, output }: RunOptions,
): ChildProcess {
  const [file = node, ...rest] = [...wrapper, node, MAIN, ...args];
  return spawn(file, rest, { stdio: ['ignore', output ?? 'pipe', output ?? 'pipe'] });
}

export function finished(child: ChildProcess): Promise<Finished> {
  let stdout = '';
  let stderr = '';
  child.stdout?.on('data', (data) => {
    stdout += data;
  });
  child.stderr?.on('data', (data) => {
    stderr += data;
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, stdout, stderr }));
  });
}

async function firstAnswer(url: string, end: Promise<Finished>): Promise<void> {
  const deadline = performance.now() + START_WITHIN_MS;
  let ended: Finished | undefined;
  void end.then((result) => {
    ended = result;
  });
  while (performance.now() < deadline) {
    if (ended) throw new Error(`The agent ended with ${ended.code}: ${ended.stderr}`);
    const answer = await read(`${url}/metrics`).catch(() => '');
    if (answer.includes('tapscope_probe_attached')) return;
    await wait(20);
  }
  throw new Error(`The agent did not answer within ${START_WITHIN_MS} ms.`);
}

/** Prometheus's header for how long it waits. An emulated CPU beside a busy one attaches probes for more than the usual 10 s. */
const PATIENT = { 'x-prometheus-scrape-timeout-seconds': '120' };

/** fetch() takes a second to load where a lab's CPU is emulated. */
function read(url: string, onHeaders: () => void = () => undefined): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = get(url, { headers: PATIENT }, (answer) => {
      onHeaders();
      text(answer).then(resolve, reject);
    });
    request.once('error', (error: NodeJS.ErrnoException) => {
      // A connection that is kept may be closed at the moment at which it is used again.
      if (request.reusedSocket && error.code === 'ECONNRESET') resolve(read(url, onHeaders));
      else reject(error);
    });
  });
}

/** A scrape waits so long for a snapshot of its own (src/server/latest-snapshot.ts): an older one is of before. */
const OF_ITS_OWN_S = 1;

/** On a slow machine a scrape shows the newest snapshot there is; a test asks about what it has just done. */
async function freshPage(url: string): Promise<string> {
  const deadline = performance.now() + START_WITHIN_MS;
  for (;;) {
    const begun = performance.now();
    let headersAfterMs = 0;
    const page = await read(`${url}/metrics`, () => {
      headersAfterMs = performance.now() - begun;
    });
    const age = Number(/^tapscope_snapshot_age_seconds (\S+)$/m.exec(page)?.[1] ?? 0);
    if ((age < OF_ITS_OWN_S && 1000 * age <= headersAfterMs) || performance.now() > deadline) return page;
  }
}

/** Only what is asked for is parsed: a page has a thousand lines, and a lab's CPU may be emulated. */
export function parseMetrics(page: string): Metrics {
  const lines = new Map<string, string[]>();
  for (const line of page.split('\n')) {
    const [name] = /^\w+/.exec(line) ?? [];
    if (!name) continue;
    const family = lines.get(name) ?? [];
    family.push(line);
    lines.set(name, family);
  }
  const matching = (name: string, labels: Readonly<Record<string, string>>): readonly Sample[] =>
    (lines.get(name) ?? [])
      .map(parseSample)
      .filter((one) => Object.entries(labels).every(([label, value]) => one.labels.get(label) === value));
  return {
    text: page,
    value: (name, labels = {}) => {
      const found = matching(name, labels);
      if (found.length > 1) throw new Error(`${found.length} series of ${name} match ${JSON.stringify(labels)}.`);
      return found[0]?.value;
    },
    by: (label, name, labels = {}) => {
      const sums: Record<string, number> = {};
      for (const one of matching(name, labels)) {
        const value = one.labels.get(label) ?? '';
        sums[value] = (sums[value] ?? 0) + one.value;
      }
      return sums;
    },
    names: (labels) => new Set([...lines.keys()].filter((name) => matching(name, labels).length > 0)),
  };
}

interface Sample {
  readonly labels: ReadonlyMap<string, string>;
  readonly value: number;
}

function parseSample(line: string): Sample {
  const [, labels = '', value = ''] = /^\w+(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
  return { labels: parseLabels(labels), value: Number(value) };
}

function parseLabels(text: string): ReadonlyMap<string, string> {
  const pairs = text.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g);
  return new Map(
    [...pairs].map(([, label = '', value = '']) => [
      label,
      value.replace(/\\(.)/g, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped)),
    ]),
  );
}

// SPDX-License-Identifier: Apache-2.0
// Where a program runs: `near` has the device that is judged, `far` what lies beyond the program, `source` sends through `near`.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { inside, type NamespaceLab, namespaceLab } from '../../test/host/netns.ts';
import type { Scope } from '../../test/host/scope.ts';

export interface Stage {
  readonly near: NamespaceLab;
  readonly far: NamespaceLab;
  /** A neighbour of `near` that has it as its router. */
  readonly source: NamespaceLab;
  start(lab: NamespaceLab | undefined, ...words: readonly string[]): Started;
  after(undo: () => Promise<unknown>): void;
}

/** The network under the tunnels. */
export const NEAR = '10.9.0.1';
export const FAR = '10.9.0.2';
/** On the device, and beyond it. */
export const NEAR_INNER = '10.99.0.1';
export const FAR_INNER = '10.99.0.2';
export const SOURCE = '10.8.0.2';
export const SOURCE_NET = '10.8.0.0/24';

export async function makeStage(t: { after(undo: () => Promise<void>): void }): Promise<Stage> {
  const undo: (() => Promise<unknown>)[] = [];
  t.after(async () => {
    for (let step = undo.pop(); step; step = undo.pop()) await step().catch(() => {});
  });
  const [near, far, source] = [await namespaceLab(t), await namespaceLab(t), await namespaceLab(t)];
  await cable(near, `${NEAR}/24`, far, `${FAR}/24`, 'wan0');
  await cable(near, '10.8.0.1/24', source, `${SOURCE}/24`, 'lan0');
  await near.exec('sysctl', '-qw', 'net.ipv4.ip_forward=1');
  await source.ip('route add default via 10.8.0.1');
  const after = (step: () => Promise<unknown>): void => void undo.push(step);
  return {
    near,
    far,
    source,
    start: (lab, ...words) => startProcess({ after: (step) => after(async () => step()) }, lab?.name, words),
    after,
  };
}

async function cable(
  one: NamespaceLab,
  address: string,
  other: NamespaceLab,
  peer: string,
  name: string,
): Promise<void> {
  await one.ip(`link add ${name} type veth peer name ${name} netns ${other.name}`);
  await one.ipBatch([`link set ${name} up`, `addr add ${address} dev ${name}`]);
  await other.ipBatch([`link set ${name} up`, `addr add ${peer} dev ${name}`]);
}

// A program of the lab in its network namespace: it ends with the test, also when the test's own process is killed.
export interface Started {
  /** The process number of the program itself: setpriv and nsenter become it. */
  readonly pid: number;
  /** stdout and stderr so far. */
  output(): string;
  exited(): boolean;
  /** Ends it; a stopped one too. */
  kill(signal?: NodeJS.Signals): Promise<void>;
}

const TERM_MS = 1500;
/** What is kept of a program that talks much. */
const MOST_OUTPUT = 64_000;

/** `namespace`: undefined: where the lab runs. */
export function startProcess(scope: Scope, namespace: string | undefined, words: readonly string[]): Started {
  const enter = namespace === undefined ? [] : ['nsenter', ...inside(namespace)];
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', ...enter, ...words], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-MOST_OUTPUT);
    });
  child.on('error', (error) => {
    output += String(error);
  });
  const kill = (signal: NodeJS.Signals = 'SIGTERM'): Promise<void> => end(child, signal);
  scope.after(() => kill());
  return { pid: child.pid ?? 0, output: () => output, exited: () => hasExited(child), kill };
}

function hasExited({ exitCode, signalCode, pid }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null || pid === undefined;
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (hasExited(child)) return;
  const exit = once(child, 'exit');
  child.kill(signal);
  child.kill('SIGCONT');
  const late = await Promise.race([exit.then(() => false), wait(TERM_MS, true, { ref: false })]);
  if (!late) return;
  child.kill('SIGKILL');
  await exit;
}

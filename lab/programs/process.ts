// SPDX-License-Identifier: Apache-2.0
// A program of the lab in its network namespace: it ends with the test, also when the test's own process is killed.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { inside } from '../../test/host/netns.ts';
import type { Scope } from '../../test/host/scope.ts';

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

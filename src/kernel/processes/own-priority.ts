// SPDX-License-Identifier: Apache-2.0
// A process that is asked when a host is out of CPU needs some itself. Under systemd the unit asks for it (Nice=, CPUWeight=).
import { readFileSync, writeFileSync } from 'node:fs';
import { getPriority, setPriority } from 'node:os';

/** At ten times the weight of others. */
const NICE = -10;
/** Where the kernel groups processes by session (CONFIG_SCHED_AUTOGROUP), `nice` alone only sorts those of one session. */
const AUTOGROUP = '/proc/self/autogroup';
/** The nice value of the session before it was raised for this command (deploy/entry.mjs, deploy/debian/launcher). */
const SESSION_BEFORE = 'TAPSCOPE_SESSION_NICE';
/** Until every answer has begun; what a person then watches needs little. */
const RAISED_MS = 15_000;
/** TAPSCOPE_PRIORITY=keep: the operator wants no priority changed, neither of an agent nor of a command (deploy/entry.mjs, deploy/raise.sh). */
const KEEP = 'keep';
const ENDING: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/** For an agent. undefined: it is not wanted, this process has no right to, or a service manager has seen to it; else gives the session's priority back. */
export function raisePriority(): (() => void) | undefined {
  if (process.env.TAPSCOPE_PRIORITY === KEEP || getPriority() < 0) return undefined;
  try {
    setPriority(NICE); // of this thread, and so of what it starts
  } catch {
    return undefined;
  }
  const before = isOwnSession() ? sessionNice() : undefined;
  if (before === undefined || before < 0) return () => undefined;
  writeSession(NICE);
  return () => writeSession(before);
}

/** For a command that was raised before Node loaded it: however it ends, the session, which is the shell's too, is as before, and after some seconds too. */
export function lowerAtEnd(): void {
  const before = process.env[SESSION_BEFORE];
  if (before === undefined) return;
  const lower = (): void => writeSession(Number(before));
  process.once('exit', lower);
  setTimeout(lower, RAISED_MS).unref();
  for (const signal of ENDING)
    process.once(signal, () => {
      lower();
      // Asked first: a command that ends by itself then listens behind this.
      if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
    });
}

/** It leads it, or a person at a terminal started it there; else a script or daemon would run before others, too. */
function isOwnSession(): boolean {
  const stat = readFileSync('/proc/self/stat', 'utf8');
  const [, , , session, terminal] = stat.slice(stat.lastIndexOf(')') + 2).split(' '); // fields 6 and 7 of proc(5)
  return Number(session) === process.pid || Number(terminal) !== 0;
}

/** '/autogroup-1119 nice 0'; undefined: there are none, or they are off. */
function sessionNice(): number | undefined {
  try {
    const nice = / nice (-?\d+)$/.exec(readFileSync(AUTOGROUP, 'utf8').trim())?.[1];
    return nice === undefined ? undefined : Number(nice);
  } catch {
    return undefined;
  }
}

function writeSession(nice: number): void {
  try {
    writeFileSync(AUTOGROUP, String(nice));
  } catch {
    // Not ours to change: nice stands alone.
  }
}

// SPDX-License-Identifier: Apache-2.0
// Starts a tool and waits until it has nothing more to do.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { CannotAttach } from './cannot-attach.ts';
import type { Tool } from './tools.ts';

/** Quiet looks in a row, a tenth of a second apart. */
const QUIET = 20;
const STOP_WITHIN_MS = 30_000;

/** Returns the function that stops the tool. */
export async function startTool(tool: Tool): Promise<() => Promise<void>> {
  for (const module of tool.modules) execFileSync('modprobe', [module]);
  const [file = '', ...args] = tool.command;
  const child = spawn(file, args, { stdio: 'pipe' });
  const exited = once(child, 'exit');
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  child.on('error', (error) => {
    output += error.message;
  });
  child.stdin.write(tool.input);
  await untilQuiet();
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) {
    throw new CannotAttach(output.trim().split('\n').at(-1) ?? 'it ends at once');
  }
  return async () => {
    child.kill('SIGINT');
    child.stdin.end(); // dropwatch goes on asking for commands
    const late = setTimeout(() => child.kill('SIGKILL'), STOP_WITHIN_MS);
    await exited;
    clearTimeout(late);
  };
}

/**
 * Until only this process has used the CPU for a while. No time limit would do: virtual time runs ahead while a VM
 * waits for the host's files. But that waiting is uninterruptible, and who waits for events sleeps.
 */
async function untilQuiet(): Promise<void> {
  let before: string | undefined;
  for (let quiet = 0; quiet < QUIET; ) {
    await sleep(100);
    const now = sleepers();
    quiet = now !== undefined && now === before ? quiet + 1 : 0;
    before = now;
  }
}

/** CPU times of all other processes; undefined if one of them does not sleep. */
function sleepers(): string | undefined {
  const others = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
  const stats = others.flatMap(readStat).filter(({ memory, state }) => memory !== '0' && state !== 'Z');
  return stats.some(({ state }) => state !== 'S') ? undefined : stats.map(({ cpu }) => cpu).join(' ');
}

/** Kernel threads have no memory. */
function readStat(pid: string): readonly { readonly state: string; readonly cpu: string; readonly memory: string }[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return [{ state: fields[0] ?? '', cpu: `${pid}:${fields[11]}+${fields[12]}`, memory: fields[20] ?? '0' }];
  } catch {
    return []; // it has ended meanwhile
  }
}

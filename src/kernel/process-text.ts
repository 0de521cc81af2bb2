// SPDX-License-Identifier: Apache-2.0
// What a process says of itself in /proc, read so that all of it is of one process and one program.
import { open } from 'node:fs/promises';

export interface ProcessText {
  /** Tells this process from the next with its number, and this program from the one that it executes next. */
  readonly life: string;
  /** Clock ticks (1/100 s) from boot to its start. */
  readonly startedTicks: number;
  readonly comm: string;
  readonly args: readonly string[];
  /** /proc/PID/cgroup */
  readonly cgroups: string;
}

/** Enough for the longest of QEMU's; what names a VM comes first. */
const COMMAND_LINE_BYTES = 65_536;
const CGROUP_BYTES = 16_384;
const STAT_BYTES = 4096;

/** undefined: it is gone, or became another process or program while it was read. */
export async function readProcess(pid: number): Promise<ProcessText | undefined> {
  try {
    const before = parseStat(await read(pid, 'stat', STAT_BYTES));
    const [commandLine, cgroups] = [await read(pid, 'cmdline', COMMAND_LINE_BYTES), await readCgroup(pid)];
    const after = parseStat(await read(pid, 'stat', STAT_BYTES));
    if (!before || before.life !== after?.life) return undefined;
    const args = commandLine.replace(/\0+$/, '').split('\0');
    return { ...before, args, cgroups };
  } catch {
    return undefined; // it ended, or is not ours to look at
  }
}

/** The life alone: a fraction of the price. */
export async function readLife(pid: number): Promise<string | undefined> {
  return parseStat(await read(pid, 'stat', STAT_BYTES).catch(() => ''))?.life;
}

/** Unlike the rest, it may change during a life: systemd moves processes. */
export async function readCgroup(pid: number): Promise<string> {
  return read(pid, 'cgroup', CGROUP_BYTES);
}

/** comm may hold anything, parentheses and line breaks too: the fields begin after the last ')'. */
export function parseStat(text: string): Pick<ProcessText, 'life' | 'startedTicks' | 'comm'> | undefined {
  const end = text.lastIndexOf(')');
  const fields = text.slice(end + 2).split(' ');
  const [state, started, stack] = [fields[0], fields[19], fields[25]]; // fields 3, 22 and 28 of proc(5)
  if (end < 0 || !started || state === 'Z' || state === 'X') return undefined;
  const comm = text.slice(text.indexOf('(') + 1, end);
  // Every exec puts the stack elsewhere and mostly changes comm.
  return { life: `${started} ${stack} ${comm}`, startedTicks: Number(started), comm };
}

async function read(pid: number, file: string, bytes: number): Promise<string> {
  const handle = await open(`/proc/${pid}/${file}`);
  try {
    const buffer = Buffer.alloc(bytes);
    let length = 0;
    // The kernel gives a page at a time.
    for (let got = 1; got > 0 && length < bytes; length += got)
      got = (await handle.read(buffer, length, bytes - length, null)).bytesRead;
    return buffer.toString('utf8', 0, length);
  } finally {
    await handle.close();
  }
}

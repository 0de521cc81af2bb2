// SPDX-License-Identifier: Apache-2.0
// What a process says of itself in /proc, read so that all of it is of one process and one program.
import { open } from 'node:fs/promises';
import { uptime } from 'node:os';
import { nameOfLatin1 } from '../foreign-name.ts';
import { errnoOf } from './error-name.ts';
import { cpusIn } from './online-cpus.ts';

export interface ProcessText {
  /** Tells this process from the next with its number, and this program from the one that it executes next. */
  readonly life: string;
  /** Clock ticks from boot to its start. */
  readonly startedTicks: number;
  readonly comm: string;
  readonly args: readonly string[];
  /** /proc/PID/cgroup */
  readonly cgroups: string;
}

/** USER_HZ */
export const TICKS_PER_SECOND = 100;
const NANOSECONDS_PER_TICK = BigInt(1e9 / TICKS_PER_SECOND);
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
    return { ...before, args: parseCommandLine(commandLine), cgroups };
  } catch {
    return undefined; // it ended, or is not ours to look at
  }
}

/** The life alone: a fraction of the price. undefined: it could not be read this time, which says nothing of the process. */
export async function readLife(pid: number): Promise<Pick<ProcessText, 'life' | 'startedTicks'> | 'ended' | undefined> {
  try {
    return parseStat(await read(pid, 'stat', STAT_BYTES)) ?? 'ended';
  } catch (error) {
    return ['ENOENT', 'ESRCH'].includes(errnoOf(error) ?? '') ? 'ended' : undefined;
  }
}

/** Unlike the rest of what is read here, the cgroup may change while a process lives: systemd moves processes. */
export async function readCgroup(pid: number): Promise<string> {
  return parseCgroups(await read(pid, 'cgroup', CGROUP_BYTES));
}

/** The parsers take files as Latin-1, one character a byte: what a program or user chose becomes text by src/foreign-name.ts. */
export function parseCommandLine(text: string): readonly string[] {
  return text.replace(/\0+$/, '').split('\0').map(nameOfLatin1);
}

/** No folder's name has a line break (cgroup_mkdir). */
export function parseCgroups(text: string): string {
  return text.split('\n').map(nameOfLatin1).join('\n');
}

/** comm may hold anything, parentheses and line breaks too: the fields begin after the last ')'. */
export function parseStat(text: string): Pick<ProcessText, 'life' | 'startedTicks' | 'comm'> | undefined {
  const end = text.lastIndexOf(')');
  const fields = text.slice(end + 2).split(' ');
  const [state, started, stack] = [fields[0], fields[19], fields[25]]; // fields 3, 22 and 28 of proc(5)
  if (end < 0 || !started || state === 'Z' || state === 'X') return undefined;
  const comm = nameOfLatin1(text.slice(text.indexOf('(') + 1, end));
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
    return buffer.toString('latin1', 0, length);
  } finally {
    await handle.close();
  }
}

/** Unix time, seconds, as the clock was set when the agent began: asked for each process anew it would be another each time. */
const BOOTED_AT = Date.now() / 1000 - uptime();

/** ns since boot → ticks since boot. */
export function ticksOf(nanoseconds: bigint): number {
  return Number(nanoseconds / NANOSECONDS_PER_TICK);
}

/** Ticks since boot → Unix time, in whole seconds. */
export function unixTimeOf(ticks: number): number {
  return Math.round(BOOTED_AT + ticks / TICKS_PER_SECOND);
}

/** CPUs on which a thread may run, as "0-3"; undefined: it is gone. */
export async function allowedCpus(tid: number): Promise<string | undefined> {
  const status = await read(tid, 'status', STAT_BYTES).catch(() => '');
  return /^Cpus_allowed_list:\s*(\S+)/m.exec(status)?.[1];
}

/** The thread may not run on every CPU that is online. It may be allowed to run on CPUs that are not. `online`: onlineCpus(). */
export async function isBound(tid: number, online: number): Promise<boolean> {
  const allowed = await allowedCpus(tid);
  return allowed !== undefined && cpusIn(allowed) < online;
}

// SPDX-License-Identifier: Apache-2.0
// What was measured of one kernel, and measured.json, which keeps it.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { at, numberAt, numbersAt, parseJson, textAt } from '../../test/host/checked-json.ts';

export const PACKETS = 40_000;
/** The time between two packets of the steady stream, which has 2 000 a second. */
export const INTERVAL_US = 500;

export const WITHOUT = 'without';
export const LEVELS = [WITHOUT, 'lean', 'exact'] as const;
export const STAYING = 'it stays';
export const COMING = 'it comes and goes';

/** Nanoseconds; on the instruction clock: instructions. */
export interface Times {
  readonly p50: number;
  readonly p999: number;
  readonly max: number;
}

interface Packets {
  readonly send: Times;
  readonly read: Times;
}

export interface Stream {
  readonly sent: number;
  readonly refused: number;
  readonly read: number;
  /** The time from send() until the blocked reader has the packet. */
  readonly passage: Times;
  /** The time between two packets at the reader. */
  readonly gap: Times;
}

const LOAD = ['programs', 'verified', 'verifierMs', 'attachMs', 'wholeMs', 'detachMs'] as const;

/**
 * programs: accepted by this kernel, and kept; verified: instructions that the verifier looked at; wholeMs: CPU time of the process until it is
 * attached and has walked the host twice; it begins with Node.js.
 */
type Load = Readonly<Record<(typeof LOAD)[number], number>>;

export interface Measured {
  readonly kernel: string;
  readonly load: Load;
  /** Times of single packets by level; measured on the newest kernel. */
  readonly packets: ReadonlyMap<string, Packets>;
  readonly streams: ReadonlyMap<string, Stream>;
  /** Comings and goings of the agent under the stream. */
  readonly cycles: number;
}

/** Results by series of kernels; 'here' is this machine's own. */
export type Results = ReadonlyMap<string, Measured>;

const file = join(import.meta.dirname, 'measured.json');

export function lost({ sent, refused, read }: Stream): number {
  return sent + refused - read;
}

/** The results in the lines that lab/latency/latency-guest.ts printed. */
export function measuredOf(kernel: string, cycles: number, output: string): Measured {
  const load = output.split('\n').find((line) => line.startsWith('{"load"'));
  return {
    kernel,
    load: loadOf(at(parseJson(load ?? '{}'), 'load')),
    packets: new Map(named(output, 'packets').map(([name, line]) => [name, packetsOf(line)])),
    streams: streamsOf(output),
    cycles,
  };
}

/** The streams by what the agent did meanwhile. */
export function streamsOf(output: string): ReadonlyMap<string, Stream> {
  return new Map(named(output, 'stream').map(([name, line]) => [name, streamOf(line)]));
}

function named(output: string, kind: string): readonly (readonly [name: string, line: unknown])[] {
  const lines = output
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map(parseJson);
  return lines.flatMap((line) => (at(line, kind) === undefined ? [] : [[textAt(line, kind), line] as const]));
}

export function readResults(): Results {
  const text = parseJson(readFileSync(file, 'utf8'));
  return new Map(Object.entries(Object(text)).map(([series, one]) => [series, recorded(one)]));
}

export function writeResults(results: Results): void {
  const entries = [...results].map(([series, { packets, streams, ...one }]) => [
    series,
    { ...one, packets: Object.fromEntries(packets), streams: Object.fromEntries(streams) },
  ]);
  writeFileSync(file, `${JSON.stringify(Object.fromEntries(entries), undefined, 2)}\n`);
}

function recorded(one: unknown): Measured {
  const entries = (name: string): [string, unknown][] => Object.entries(Object(at(one, name)));
  return {
    kernel: textAt(one, 'kernel'),
    load: loadOf(at(one, 'load')),
    packets: new Map(entries('packets').map(([name, value]) => [name, packetsOf(value)])),
    streams: new Map(entries('streams').map(([name, value]) => [name, streamOf(value)])),
    cycles: numberAt(one, 'cycles'),
  };
}

function loadOf(value: unknown): Load {
  const exact = numbersAt(value, ...LOAD);
  return { ...exact, ...Object.fromEntries(Object.entries(exact).map(([name, figure]) => [name, Math.round(figure)])) };
}

function packetsOf(value: unknown): Packets {
  return { send: timesOf(at(value, 'send')), read: timesOf(at(value, 'read')) };
}

function streamOf(value: unknown): Stream {
  const times = { passage: timesOf(at(value, 'passage')), gap: timesOf(at(value, 'gap')) };
  return { ...numbersAt(value, 'sent', 'refused', 'read'), ...times };
}

function timesOf(value: unknown): Times {
  return numbersAt(value, 'p50', 'p999', 'max');
}

// What bpf-times.so wrote: a line for each bpf() of a process.
interface BpfTime {
  /** kernel: enum bpf_cmd. */
  readonly command: number;
  readonly ms: number;
  /** The name of the loaded program; '-' if none was, '' where libbpf tried what the kernel can do. */
  readonly program: string;
  /** Instructions that the verifier looked at. */
  readonly verified: number;
}

interface LoadSum {
  readonly programs: number;
  readonly verified: number;
  readonly verifierMs: number;
  readonly attachMs: number;
}

/** Programs that libbpf and the addon load to see whether the kernel can do something. */
const TRIED = ['', 'libbpf_nametest', 'try_tracing'];

const PROG_LOAD = 5;
const ATTACHING: readonly number[] = [17, 28]; // BPF_RAW_TRACEPOINT_OPEN, BPF_LINK_CREATE

export function bpfTimesOf(text: string): readonly BpfTime[] {
  return text.split('\n').flatMap((line) => {
    const [, command, nanoseconds, program = '', verified] = /^(\d+) (\d+) (\S*) (\d+)$/.exec(line) ?? [];
    return command
      ? [{ command: Number(command), ms: Number(nanoseconds) / 1e6, program, verified: Number(verified) }]
      : [];
  });
}

/** What libbpf and the agent try beforehand counts as time, and not as a program. */
export function sumOf(times: readonly BpfTime[]): LoadSum {
  const loads = times.filter(({ command }) => command === PROG_LOAD);
  const attaches = times.filter(({ command }) => ATTACHING.includes(command));
  return {
    programs: loads.filter(({ program }) => !TRIED.includes(program)).length,
    verified: loads.reduce((sum, { verified }) => sum + verified, 0),
    verifierMs: loads.reduce((sum, { ms }) => sum + ms, 0),
    attachMs: attaches.reduce((sum, { ms }) => sum + ms, 0),
  };
}

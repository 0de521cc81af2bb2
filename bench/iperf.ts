// SPDX-License-Identifier: Apache-2.0
// One iperf3 for each session, as the mails ran one netperf for each: on the host towards the guest's servers, or in a guest.
import { isFromGuest, type StreamCell, wholeSeconds } from './bench-report.ts';
import { type BenchSetup, Missing } from './bench-setup.ts';
import { EXTERNAL_CPU } from './external-host.ts';
import { type Guest, peerOf } from './guests.ts';
import { programText } from './program-text.ts';
import { FIRST_PORT } from './virtual-machine/guest-files.ts';
import { programPath } from './virtual-machine/host-program.ts';

/** What the receivers of all sessions got. */
export interface Received {
  /** Towards the guest that the client is connected to. */
  readonly bytesTo: number;
  readonly bytesFrom: number;
  readonly bitsPerSecond: number;
}

/** iperf3 has set up, started and ended all sessions by then, or something hangs. */
const ENDS_AFTER_S = 30;
const CONNECT_WITHIN_MS = 10_000;

/** Throws Missing where a session ends with an error, or not at all. */
export async function runSessions(
  setup: BenchSetup,
  cell: StreamCell,
  [first, second]: readonly Guest[],
  seconds: number,
): Promise<Received> {
  if (first === undefined) throw new Error('A stream needs a guest.');
  const { patience } = first.machine;
  const words = (address: string, port: number): readonly string[] => [
    ...['-c', address, '-p', String(port), '-t', String(wholeSeconds(seconds)), '-J'],
    ...['--connect-timeout', String(Math.ceil(CONNECT_WITHIN_MS * patience))],
    ...(cell.size === null ? [] : ['-l', String(cell.size)]),
    ...(isFromGuest(cell.direction) ? ['-R'] : cell.direction === 'both' ? ['--bidir'] : []),
  ];
  const limit = wholeSeconds(seconds) + Math.ceil(ENDS_AFTER_S * patience);
  const ports = Array.from({ length: cell.sessions }, (_, index) => FIRST_PORT + index);
  const reports = second
    ? [await inGuest(first, ports, (port) => words(second.address, port), limit)]
    : await Promise.all(ports.map((port) => onHost(setup, cell, words(first.address, port), limit)));
  return receivedBy(reports.join('\n'), cell);
}

/** The external host has one CPU of this one. */
async function onHost(
  setup: BenchSetup,
  { direction }: StreamCell,
  words: readonly string[],
  limit: number,
): Promise<string> {
  const iperf = programPath('iperf3', 'iperf3');
  const [file, ...all] =
    peerOf(direction) === 'external'
      ? [programPath('taskset', 'util-linux'), '-c', String(EXTERNAL_CPU), iperf, ...words]
      : [iperf, ...words];
  const { text, isLate } = await programText(setup, file, all, limit);
  if (isLate) throw new Missing(`the guest hangs: iperf3 did not end within ${limit} s`);
  return text;
}

/** Its serial line is slow: of each report it passes what is read here. A shell of its own, for `wait` waits for the servers else. */
async function inGuest(
  { machine }: Guest,
  ports: readonly number[],
  words: (port: number) => readonly string[],
  limit: number,
): Promise<string> {
  const clients = ports.map((port) => `iperf3 ${words(port).join(' ')} >/tmp/${port} 2>&1 &`);
  const files = ports.map((port) => `/tmp/${port}`).join(' ');
  const read = `sed -n '/"sum_received/,/}/p;/"error"/p' ${files}`;
  return machine.ask(`(${clients.join(' ')} wait); ${read}`, limit);
}

const RECEIVED = /"(sum_received(?:_bidir_reverse)?)":\s*\{[^}]*?"seconds":\s*([\d.e+-]+),\s*"bytes":\s*(\d+)/g;

/** `text`: the JSON reports of all sessions, or these parts of them. */
export function receivedBy(text: string, { direction, sessions }: StreamCell): Received {
  const [, error] = /"error":\s*"([^"]*)"/.exec(text) ?? [];
  if (error !== undefined) throw new Missing(`iperf3 says: ${error}`);
  const sums = [...text.matchAll(RECEIVED)].map(([, name = '', seconds, bytes]) => ({
    back: name !== 'sum_received' || isFromGuest(direction),
    seconds: Number(seconds),
    bytes: Number(bytes),
  }));
  const wanted = direction === 'both' ? 2 * sessions : sessions;
  if (sums.length !== wanted)
    throw new Missing(`iperf3 reports ${sums.length} of ${wanted} streams: ${text.trim().split('\n').at(-1)}`);
  const bytes = (back: boolean): number => sums.reduce((sum, one) => sum + (one.back === back ? one.bytes : 0), 0);
  return {
    bytesTo: bytes(false),
    bytesFrom: bytes(true),
    bitsPerSecond: sums.reduce((sum, one) => sum + (8 * one.bytes) / one.seconds, 0),
  };
}

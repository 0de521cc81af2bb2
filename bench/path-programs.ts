// SPDX-License-Identifier: Apache-2.0
// What iperf3 and ping print of a path.
import type { PathRun } from './bench-report.ts';
import { Missing } from './bench-setup.ts';

export type PathReport = Pick<PathRun, 'bitsPerSecond' | 'retransmissions' | 'fairness'>;

const RECEIVED = /"receiver":\s*\{[^}]*?"bits_per_second":\s*([\d.e+-]+)/g;
const SENT = /"sum_sent":\s*\{[^}]*?"retransmits":\s*(\d+)/;
const ALL_RECEIVED = /"sum_received":\s*\{[^}]*?"bits_per_second":\s*([\d.e+-]+)/;

/** `text`: the JSON of an iperf3 client that sent TCP. Throws Missing where it did not. */
export function pathReport(text: string): PathReport {
  const [, error] = /"error":\s*"([^"]*)"/.exec(text) ?? [];
  const flows = [...text.matchAll(RECEIVED)].map(([, bits]) => Number(bits));
  const [retransmissions, bitsPerSecond] = [SENT, ALL_RECEIVED].map((figure) => Number(figure.exec(text)?.[1]));
  if (error !== undefined || retransmissions === undefined || !Number.isFinite(bitsPerSecond))
    throw new Missing(`iperf3 says: ${error ?? 'nothing'}`);
  return { bitsPerSecond: bitsPerSecond ?? Number.NaN, retransmissions, fairness: fairness(flows) };
}

/** Jain's index of what the flows got: 1 is alike, 1/n is all to one. */
export function fairness(flows: readonly number[]): number {
  const sum = flows.reduce((all, flow) => all + flow, 0);
  return sum ** 2 / (flows.length * flows.reduce((all, flow) => all + flow ** 2, 0));
}

/** Milliseconds of each answer. */
export function pingTimes(text: string): readonly number[] {
  return [...text.matchAll(/ time=([\d.]+) ms/g)].map(([, time]) => Number(time));
}

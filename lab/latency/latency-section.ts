// SPDX-License-Identifier: Apache-2.0
// The section of docs/overhead.md about loading, single packets, and agents that come and go.
import { grouped, markdown, milliseconds } from '../report/report.ts';
import { SERIES } from '../vm/series.ts';
import {
  COMING,
  LEVELS,
  lost,
  type Measured,
  type Results,
  STAYING,
  type Stream,
  type Times,
  WITHOUT,
} from './latency-results.ts';

/** This machine's own kernel, in real time. */
export const HERE = 'here';

/** A gap may be so much longer while an agent comes or goes: 5 ms of a CPU that takes a nanosecond for each instruction. */
const STALL_NS = 5_000_000;

export function latencySection(results: Results): string {
  const ordered = SERIES.flatMap((series) => {
    const one = results.get(series);
    return one ? [[`Linux ${series}`, one] as const] : [];
  });
  const here = results.get(HERE);
  const loads = [...ordered, ...(here ? [[`Linux ${here.kernel}, real time`, here] as const] : [])];
  const parts = [
    loadTable(loads),
    ...(here ? [estimate(ordered, here)] : []),
    packetTable(ordered),
    streamTable(ordered),
  ];
  return parts.join('\n\n');
}

type Named = readonly (readonly [name: string, measured: Measured])[];

function loadTable(kernels: Named): string {
  return markdown([
    ['', 'programs', 'instructions verified', 'verifier', 'attach', 'CPU time of the start', 'detach'],
    ...kernels.map(([name, { load }]) => [
      name,
      String(load.programs),
      grouped(load.verified),
      ...[load.verifierMs, load.attachMs, load.wholeMs, load.detachMs].map(milliseconds),
    ]),
  ]);
}

/** The clock's CPU is slow. The time of a faster CPU for other programs on another kernel is no measurement. */
function estimate(kernels: Named, { load }: Measured): string {
  const most = Math.max(...kernels.map(([, one]) => one.load.verified));
  const each = load.verifierMs / load.verified;
  return `In real time the verifier takes ${(each * 1000).toFixed(1)} µs for an instruction, here. At that speed ${grouped(most)} would take some ${grouped(Math.round(most * each))} ms: an estimate, for they were not loaded on that machine.`;
}

function packetTable(kernels: Named): string {
  return markdown([
    ['one packet, in instructions', 'send p50', 'p99.9', 'max', 'read p50', 'p99.9', 'max'],
    ...kernels.flatMap(([name, { packets }]) =>
      LEVELS.flatMap((level) => {
        const [own, without] = [packets.get(level), packets.get(WITHOUT)];
        if (!own || !without) return [];
        const words = level === WITHOUT ? level : `level ${level}`;
        return [[`${name}, ${words}`, ...compared(own.send, without.send), ...compared(own.read, without.read)]];
      }),
    ),
  ]);
}

/** The times, and in brackets how much more than without an agent. The largest time is what an interrupt took. */
function compared(own: Times, without: Times): readonly string[] {
  const more = (value: number, less: number): string => (value === less ? '' : ` (${signed(value - less)})`);
  return [
    grouped(own.p50) + more(own.p50, without.p50),
    grouped(own.p999) + more(own.p999, without.p999),
    grouped(own.max),
  ];
}

function streamTable(kernels: Named): string {
  return markdown([
    ['2 000 packets a second', 'packets', 'lost', 'on the way p50', 'p99.9', 'max', 'longest gap'],
    ...kernels.flatMap(([name, { streams, cycles }]) =>
      [WITHOUT, STAYING, COMING].flatMap((kind) => {
        const stream = streams.get(kind);
        const words = kind === COMING ? `it comes and goes ${cycles} times` : kind;
        return stream ? [[`${name}, ${words}`, ...streamCells(stream)]] : [];
      }),
    ),
  ]);
}

function streamCells(stream: Stream): readonly string[] {
  const { p50, p999, max } = stream.passage;
  const times = [p50, p999, max, stream.gap.max].map((ns) => `${(ns / 1000).toFixed(1)} µs`);
  return [grouped(stream.sent + stream.refused), String(lost(stream)), ...times];
}

/** A sentence for each result that is not allowed. */
export function complaints(series: string, { streams }: Measured): readonly string[] {
  const without = streams.get(WITHOUT)?.gap.max ?? 0;
  return [...streams].flatMap(([name, stream]) => [
    ...(lost(stream) === 0 ? [] : [`Linux ${series}, ${name}: ${lost(stream)} packets were lost.`]),
    ...(stream.gap.max - without <= STALL_NS
      ? []
      : [`Linux ${series}, ${name}: no packet came for ${(stream.gap.max / 1e6).toFixed(1)} ms.`]),
  ]);
}

function signed(value: number): string {
  return value < 0 ? `−${grouped(-value)}` : `+${grouped(value)}`;
}

// SPDX-License-Identifier: Apache-2.0
// `tapscope bench` and `tapscope demo`: their words are here; what they do is the package bench/, which starts programs and makes devices.
// It is a bundle of its own, loaded when one of them is called, so that the agent has no code of it. It imports src, never the other way.
import { createRequire } from 'node:module';
import { packageFile } from '../kernel/package.ts';
import type { Flag } from './options/serve-options.ts';

export interface BenchPackage {
  /** `values` as commander's opts() gives them. Resolves with the exit code. */
  bench(values: Readonly<Record<string, unknown>>): Promise<number>;
  demo(options: DemoOptions): Promise<number>;
}

export interface DemoOptions {
  /** undefined: all, one after another. */
  readonly fault: string | undefined;
  /** Where an agent may listen. */
  readonly socket: string;
}

const BUNDLE = 'dist/bench/main.cjs';

export function loadBench(): BenchPackage {
  const file = packageFile(BUNDLE);
  if (file === undefined) throw new Error(`${BUNDLE} is missing: build it with make, or install the package.`);
  return createRequire(import.meta.url)(file).commands;
}

/** The faults of `tapscope demo` by the rules that are to find them, in the order in which they are played. */
export const FAULT_NAMES = [
  'reader-stalled',
  'ring-full-burst',
  'reader-cpu-bound',
  'txqlen-zero',
  'no-reader',
] as const;

export const BENCH_FORMATS = ['text', 'markdown', 'csv', 'json'] as const;
export type BenchFormat = (typeof BENCH_FORMATS)[number];
/** The documents whose tables `--table` repeats. */
export const DOCUMENTS = ['v7', 'v8', 'wake', 'profile', 'zero-copy', 'napi', 'multiqueue', 'latency'] as const;
export type DocumentName = (typeof DOCUMENTS)[number];

export const benchFlags: readonly Flag[] = [
  { flags: '--seconds <seconds>', description: 'how long each repeat of each cell sends', fallback: '2' },
  {
    flags: '--repeats <count>',
    description: 'of each cell, interleaved; shown are medians (default: 3, with --table multiqueue 1, compared 10)',
    fallback: undefined,
  },
  {
    flags: '--only <regexp>',
    description:
      "cells whose name it finds: '^tap/', 'threads=1/queues=1/free', 'tail-drop', '^zero-copy/'; the JSON names all",
    fallback: undefined,
  },
  {
    flags: '--table <document>',
    description: `the table of one document in its own layout: ${DOCUMENTS.join(', ')}; --only leaves out some of its cells`,
    fallback: undefined,
  },
  {
    flags: '--guest-kernel <file>',
    description: 'of the guests in QEMU, with its modules in lib/modules beside it (default: of this host, in /boot)',
    fallback: undefined,
  },
  {
    flags: '--guest-vhost <on|off>',
    description: 'vhost-net for the guests in QEMU (default: on, where the host has it)',
    fallback: undefined,
  },
  {
    flags: '--save <file>',
    description: 'keep the figures for --against, behind those that the file has; 10 repeats, or --repeats',
    fallback: undefined,
  },
  {
    flags: '--against <file>',
    description: 'compare with the figures that --save kept, and judge which differ by more than noise',
    fallback: undefined,
  },
  {
    flags: '--figures <file>',
    description: 'compare these, which --save kept too, with --against, and measure nothing',
    fallback: undefined,
  },
  { flags: '--format <format>', description: BENCH_FORMATS.join(', '), fallback: 'text' },
];

export const BENCH_HELP = `pktgen (modprobe pktgen) sends to taps, which a program reads or vhost-net hands to a guest, while the queue drops
(tail-drop), stops (backpressure + fq_codel), has no qdisc, or is reached through the qdisc. A guest sends messages,
copied by vhost-net or not, to the host, or through a bridge (modprobe bridge) to another guest; with --table zero-copy
through a macvtap too (modprobe -a macvtap dummy). The counts are tapscope's, held against those of pktgen, tc -s, readers and guests.

--table multiqueue starts guests in QEMU (packages qemu-system-x86, iperf3, busybox, linux-image) and streams TCP by
iperf3: 336 cells of --seconds each, about half an hour. Their names for --only are those of
stream/guest-to-host/size=512/sessions=1/queues=4, with host-to-guest, guest-to-external, external-to-guest, both,
guest-to-guest, and size=default; queues=1/smp=4 is a guest of 4 CPUs with one queue. --only 'host|external' leaves the 256
rows of the mail. external is a namespace behind a veth and a bridge (modprobe -a veth bridge), in place of another host.

--table latency sends TCP by iperf3 through a VPN without cryptography, over a path with delay and loss (iproute2,
modprobe -a veth sch_netem sch_cake), while the ring of its tun drops, or stops a pfifo, fq_codel or cake: about a minute.

--save on one kernel and --against on another show each figure of both side by side, with the spread of the repeats. A
difference is shown if it is at least 3 % and chance would bring about one like it among all figures in one of 100 comparisons.
Better: measure both in turn, A B A B …, with --repeats 1 --save A.json or B.json, which adds a repeat to the file each time;
8 or more of each; then bench --against A.json --figures B.json.

Makes its devices in a network namespace of its own, which ends with it. For zero-copy/ cells it loads vhost_net anew,
if it is not in use, and afterwards as it was. Keeps CPUs busy.`;

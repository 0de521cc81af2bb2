// SPDX-License-Identifier: Apache-2.0
// The tools that people use to see drops and packets, as Debian packages them.
import type { Path } from './packet-paths.ts';
import { NEWEST_BPFTRACE, REAL_EXPORTER } from './peers.ts';

export interface Tool {
  readonly name: string;
  /** A Debian package, or one that peers.ts brings. */
  readonly package: string;
  readonly command: readonly string[];
  /** Typed into it. */
  readonly input: string;
  /** Kernel modules that it needs and does not load. */
  readonly modules: readonly string[];
  /** Paths whose packets it sees. */
  readonly sees: readonly Path[];
  readonly byDeviceAndReason: boolean;
}

export const TOOLS: readonly Tool[] = [
  bpftrace('drops by reason', 'tracepoint:skb:kfree_skb { @[args->reason] = count(); }', ['drop', 'foreign drop']),
  {
    ...bpftrace(
      'drops by device and reason',
      'tracepoint:skb:kfree_skb { @[((struct sk_buff *)args->skbaddr)->dev->name, args->reason] = count(); }',
      ['drop', 'foreign drop'],
    ),
    byDeviceAndReason: true,
  },
  {
    name: 'newest bpftrace: drops by device and reason',
    package: 'newest bpftrace',
    command: [...NEWEST_BPFTRACE, '-e', 'rawtracepoint:kfree_skb { @[args.skb->dev->name, args.reason] = count(); }'],
    input: '',
    modules: [],
    sees: ['drop', 'foreign drop'],
    byDeviceAndReason: true,
  },
  {
    name: 'ebpf_exporter: its example of drops',
    package: 'ebpf_exporter',
    command: REAL_EXPORTER,
    input: '',
    modules: [],
    sees: ['drop'],
    byDeviceAndReason: false,
  },
  bpftrace('packets, kprobe', 'kprobe:tun_net_xmit { @ = count(); }', ['enqueue', 'drop']),
  bpftrace('packets by device, fentry', 'kfunc:tun_net_xmit { @[args->dev->name] = count(); }', ['enqueue', 'drop']),
  bpftrace('reads, kprobe', 'kprobe:tun_do_read { @ = count(); }', ['read']),
  {
    name: 'dropwatch',
    package: 'dropwatch',
    command: ['dropwatch', '-l', 'kas'],
    input: 'start\n',
    modules: ['drop_monitor'],
    sees: ['drop', 'foreign drop'],
    byDeviceAndReason: false,
  },
  {
    name: 'perf record',
    package: 'linux-perf',
    command: ['perf', 'record', '-e', 'skb:kfree_skb', '-a', '-o', '/dev/null'],
    input: '',
    modules: [],
    sees: ['drop', 'foreign drop'],
    byDeviceAndReason: false,
  },
  {
    name: 'tcpdump',
    package: 'tcpdump',
    command: ['tcpdump', '-i', 'tap0', '-w', '/dev/null'],
    input: '',
    modules: [],
    sees: ['enqueue', 'drop'],
    byDeviceAndReason: false,
  },
];

function bpftrace(name: string, program: string, sees: readonly Path[]): Tool {
  const command = ['bpftrace', '-e', program];
  return {
    name: `bpftrace: ${name}`,
    package: 'bpftrace',
    command,
    input: '',
    modules: [],
    sees,
    byDeviceAndReason: false,
  };
}

// SPDX-License-Identifier: Apache-2.0
// Settings of this host that have a part in what queues do, for who looks at a recording elsewhere.
import { readFile } from 'node:fs/promises';

const NAMES = [
  'kernel/bpf_stats_enabled',
  'kernel/kptr_restrict',
  'kernel/sched_cfs_bandwidth_slice_us',
  'net/bridge/bridge-nf-call-arptables',
  'net/bridge/bridge-nf-call-ip6tables',
  'net/bridge/bridge-nf-call-iptables',
  'net/core/busy_poll',
  'net/core/busy_read',
  'net/core/default_qdisc',
  'net/core/dev_weight',
  'net/core/netdev_budget',
  'net/core/netdev_budget_usecs',
  'net/core/netdev_max_backlog',
  'net/core/wmem_default',
  'net/core/wmem_max',
  'net/ipv4/ip_forward',
  'net/netfilter/nf_conntrack_count',
  'net/netfilter/nf_conntrack_max',
];

/** The sysctls that this kernel has; their names have dots. */
export async function readSysctls(): Promise<Readonly<Record<string, string>>> {
  const pairs = await Promise.all(
    NAMES.map(async (name) => {
      const value = await readFile(`/proc/sys/${name}`, 'utf8').catch(() => undefined);
      return value === undefined ? [] : [[name.replaceAll('/', '.'), value.trim()] as const];
    }),
  );
  return Object.fromEntries(pairs.flat());
}

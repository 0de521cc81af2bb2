// SPDX-License-Identifier: Apache-2.0
// Bridges of the kernel in a namespace, with taps that are there as ports.
import type { NamespaceLab } from './netns.ts';

/** br0 of these ports and of ve1, by which comes in what ve0 sends. */
export function bridgeToVeth(
  lab: NamespaceLab,
  ports: readonly string[],
  options = 'mcast_snooping 0 forward_delay 0',
): Promise<void> {
  return lab.ipBatch([
    `link add br0 type bridge ${options}`,
    'link set br0 up',
    ...ports.map((port) => `link set ${port} master br0 up`),
    'link add ve0 type veth peer name ve1',
    'link set ve0 up',
    'link set ve1 master br0 up',
  ]);
}

/** br0, in which frames of up to 9000 bytes come by `wide` and up to 1500 leave by `narrow`, as soon as it forwards. */
export async function bridgeToNarrow(lab: NamespaceLab, wide: string, narrow: string): Promise<void> {
  await lab.ipBatch([
    'link add br0 type bridge mcast_snooping 0',
    'link set br0 up',
    `link set ${wide} master br0 mtu 9000 up`,
    `link set ${narrow} master br0 mtu 1500 up`,
  ]);
  await lab.forwards(narrow);
}

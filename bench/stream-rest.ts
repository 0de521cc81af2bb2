// SPDX-License-Identifier: Apache-2.0
// A guest's tap at rest: what the agent, the guest and the qdisc have counted by then.
import { readQdiscs } from '../src/kernel/rtnetlink.ts';
import type { Device } from '../src/snapshot/device.ts';
import { agentCounts } from './agreement.ts';
import { type BenchSetup, Missing, pause } from './bench-setup.ts';
import type { Guest } from './guests.ts';

export interface Rest {
  readonly device: Device;
  /** Packets, by the guest's own device. */
  readonly guest: { readonly received: number; readonly sent: number };
  /** `tc -s`, all queues together. Its packets are no count of these: it takes a large packet of a guest for none. */
  readonly qdisc: { readonly bytes: number; readonly drops: number };
}

/** TC_H_ROOT */
const ROOT = 0xffffffff;
const WITHIN_S = 60;
/**
 * A guest counts what it sent when it gets the buffer back. The agent proves by further samples that the kernel skipped a
 * program, so that it missed packets (docs/accounting.md). Both have this long, then what they say counts.
 */
const COUNTED_WITHIN_S = 5;
const STATISTICS = 'cd /sys/class/net/eth0/statistics; cat rx_packets tx_packets; cd /';

/**
 * No packet passed from before the guest was asked until after it, and none in the sample before: then the agent's figures
 * are final (docs/accounting.md).
 */
export async function atRest(setup: BenchSetup, guest: Guest): Promise<Rest> {
  const { patience } = guest.machine;
  const deadline = performance.now() + 1000 * WITHIN_S * patience;
  const countedBy = performance.now() + 1000 * COUNTED_WITHIN_S * patience;
  let last = await setup.look(guest.device);
  while (performance.now() < deadline) {
    const rest = await readAll(setup, guest);
    const isQuiet = samePackets(last, rest.device) && agentCounts(rest.device).waiting === 0;
    const isCounted = rest.guest.sent === rest.device.counters?.rxPackets && isBalanced(rest.device);
    last = await setup.look(guest.device);
    if (isQuiet && (isCounted || performance.now() > countedBy) && samePackets(rest.device, last)) return rest;
    await pause(0.05, setup.interrupted);
  }
  throw new Missing(`packets still pass the guest's tap ${Math.ceil(WITHIN_S * patience)} s after the streams`);
}

async function readAll({ look, traffic }: BenchSetup, { device: name, machine }: Guest): Promise<Rest> {
  const [received = Number.NaN, sent = Number.NaN] = (await machine.ask(STATISTICS)).trim().split('\n').map(Number);
  const device = await look(name);
  // The sum of its queues' qdiscs, where mq is the root.
  const root = (await readQdiscs(traffic.namespace)).find(
    ({ ifindex, parent }) => ifindex === device.ifindex && parent === ROOT,
  );
  const { bytes = Number.NaN, drops = Number.NaN } = root?.stats ?? {};
  return { device, guest: { received, sent }, qdisc: { bytes, drops } };
}

function isBalanced({ audit, queues }: Device): boolean {
  return [{ audit }, ...queues].every((part) => part.audit.every(({ imbalance }) => imbalance === 0));
}

function samePackets({ counters: one }: Device, { counters: other }: Device): boolean {
  return (
    one?.txPackets === other?.txPackets && one?.rxPackets === other?.rxPackets && one?.txDropped === other?.txDropped
  );
}

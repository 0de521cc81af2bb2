// SPDX-License-Identifier: Apache-2.0
// A made-up host for the live page: taps of VMs that all carry traffic, some of them with faults, judged by the product each second.
import { createObserver } from '../../src/server/observer.ts';
import { serveEndpoint } from '../agent/endpoint.ts';
import { snapshotAt, type TapPlan } from '../snapshots/quiet-host.ts';

interface PageHost {
  readonly url: string;
}

interface Scope {
  after(undo: () => Promise<void>): void;
}

/** The time of the host that lies in the past when the page is opened. */
const PAST_SECONDS = 90;

/** The worst stand in the middle, so that a page has to sort. */
export function tapsOf(number: number): readonly TapPlan[] {
  return Array.from({ length: number }, (_, index) => planOf(index, number));
}

function planOf(index: number, number: number): TapPlan {
  const pid = 3000 + 7 * index;
  const vm = `web${index}`;
  const wave = (second: number): number =>
    400 + 13 * (index % 90) + Math.round(300 * Math.sin((second + index) / 9) ** 2);
  if (index === Math.floor(number / 2))
    return {
      vm,
      pid,
      program: 'qemu-system-x86',
      queues: [{ delivered: 0, lost: 1963, occupancy: 1000, full: { stopped: 1 } }],
    };
  if (index === 3)
    return {
      vm: '',
      program: 'openvpn',
      pid,
      queues: [
        {
          delivered: wave,
          lost: (second) => (second % 20 < 12 ? 240 : 0),
          occupancy: 985,
          full: { running: 0.93, waiting: 0.03 },
        },
      ],
    };
  // Left over by VMs that were deleted: folded to one line.
  if (index % 5 === 4)
    return {
      queues: [],
      before: { 'QDISC_DROP@__dev_queue_xmit': 1 + (index % 4) },
      more: () => ({ attachedQueues: 0, persistent: true, carrier: false }),
    };
  if (index % 7 === 0) return { vm, pid, program: 'qemu-system-x86', queues: [{ delivered: 0 }] };
  return {
    vm,
    pid,
    program: 'qemu-system-x86',
    queues: [{ delivered: wave, occupancy: (second) => (second * index) % 20, vhost: true }],
  };
}

export async function servePageHost(t: Scope, taps: readonly TapPlan[]): Promise<PageHost> {
  const observer = createObserver();
  const begin = Math.floor(Date.now() / 1000) - PAST_SECONDS;
  let second = 0;
  const step = () => ({ ...snapshotAt(second, taps, {}), takenAt: begin + second });
  for (; second <= PAST_SECONDS; second += 1) observer.see(step());
  const timer = setInterval(() => {
    second += 1;
    observer.see(step());
  }, 1000);
  const { port } = await serveEndpoint(t, { dependencies: { observer, takeSnapshot: async () => step() } });
  t.after(async () => clearInterval(timer));
  return { url: `http://127.0.0.1:${port}/` };
}

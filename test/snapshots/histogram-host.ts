// SPDX-License-Identifier: Apache-2.0
// A made-up host behind the real server, on which each histogram grows: nine of ten packets wait a millisecond for the guest, one about 200 ms.
import { join } from 'node:path';
import { packageRoot } from '../../src/kernel/package.ts';
import { createObserver } from '../../src/server/observer.ts';
import { startServer } from '../../src/server/server.ts';
import type { Observations } from '../../src/snapshot/queue.ts';
import type { Snapshot } from '../../src/snapshot/snapshot.ts';
import { heardLog } from '../agent/heard-log.ts';
import { goldenBuild, goldenSnapshot } from './golden-snapshot.ts';

interface HistogramHost {
  /** host:port */
  readonly address: string;
  readonly netns: string;
  readonly device: string;
  readonly guest: string;
  /** The share of the packets that wait longer than 67 ms. */
  readonly late: number;
}

const PER_SECOND = 1000;
const LATE = 0.1;

export async function startHistogramHost(t: { after(undo: () => Promise<unknown>): void }): Promise<HistogramHost> {
  const began = Date.now() / 1000 - 60;
  const server = await startServer(
    {
      listen: { host: '127.0.0.1', port: 0 },
      allowedHosts: [],
      prometheus: { detail: 'full', build: goldenBuild },
      pageFolder: join(packageRoot(), 'dist/src/page'),
    },
    {
      takeSnapshot: async () => snapshotAfter(Date.now() / 1000 - began),
      log: heardLog(),
      observer: createObserver(),
      notReady: () => undefined,
    },
  );
  t.after(() => server.close());
  return { address: server.address, netns: String(device.netns), device: device.name, guest, late: LATE };
}

const [, device = failed(), vpn] = goldenSnapshot.devices;
const [queue = failed()] = device.queues;
const guest = queue.owner?.identity?.vm ?? failed();

function failed(): never {
  throw new Error('the golden host has a device with a queue');
}

function snapshotAfter(seconds: number): Snapshot {
  const packets = Math.floor(PER_SECOND * seconds);
  const late = Math.floor(LATE * packets);
  const { history, flow, vhost } = queue;
  if (!history?.overflow || !flow || !vhost?.batches) return failed();
  const grown = (observed: Observations): Observations => ({
    buckets: observed.buckets.map((count) => count * packets),
    sum: observed.sum * packets,
  });
  const sojourn = { buckets: [...Array(20).fill(0), packets - late, ...Array(7).fill(0), late], sum: 2.5e7 * packets };
  const batches = {
    bounds: [1, 2, 4, 8, 16, 32, 64],
    buckets: [packets, 0, packets, 0, 0, 0, packets, 0],
    sum: packets,
  };
  const grownQueue = {
    ...queue,
    history: {
      arrivals: history.arrivals && grown(history.arrivals),
      sojourn,
      overflow: { ...history.overflow, bursts: grown(history.overflow.bursts) },
    },
    flow: { ...flow, stopDurations: grown(flow.stopDurations), resumeLatencies: grown(flow.resumeLatencies) },
    vhost: { ...vhost, batches },
    receiveBatches: batches,
  };
  return {
    ...goldenSnapshot,
    takenAt: Date.now() / 1000,
    devices: [{ ...device, queues: [grownQueue] }, ...(vpn ? [vpn] : [])],
  };
}

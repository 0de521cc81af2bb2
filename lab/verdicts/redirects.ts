// SPDX-License-Identifier: Apache-2.0
// Frames that XDP redirects from a veth to tap0, past its qdisc.
import type { Device } from '../../src/snapshot/device.ts';
import { burst } from './overflow.ts';
import { drawn, type Entry, ringOverflows } from './scenario.ts';
import type { Stage } from './setup.ts';

async function redirected(stage: Stage): Promise<void> {
  await stage.open('tap0');
  await stage.lab.ipBatch(['link add ve0 type veth peer name ve1', 'link set ve0 up', 'link set ve1 up']);
  await stage.sender.redirect('ve1', 'tap0');
}

function redirectsLost(before: Device, now: Device): boolean {
  const of = ({ queues }: Device): number => queues.reduce((sum, { redirected: all }) => sum + (all?.lost ?? 0), 0);
  return of(now) > of(before) || ringOverflows(before, now);
}

export const REDIRECTS: readonly Entry[] = [
  {
    name: 'redirected frames that overflow the ring',
    faults: [{ device: 'tap0', rule: 'xdp-overflow', may: ['ring-full-burst'], holds: redirectsLost }],
    ...drawn(['vhost'], [100], [500, 800]),
    prepare: async (stage) => {
      await redirected(stage);
      await stage.take('tap0.0', 0.4 * stage.variant.rate);
      return () => stage.send('ve0');
    },
  },
  {
    name: 'redirected bursts that overflow the ring',
    faults: [{ device: 'tap0', rule: 'xdp-overflow', may: ['ring-full-burst'], holds: redirectsLost }],
    ...drawn(['vhost'], [100], [5000]),
    prepare: async (stage) => {
      await redirected(stage);
      await stage.take('tap0.0', stage.variant.rate);
      return () => burst(stage, 've0', 3);
    },
  },
  {
    name: 'redirected frames that fit the ring',
    nearMissOf: 'xdp-overflow',
    ...drawn(['vhost'], [500], [500, 800]),
    prepare: async (stage) => {
      await redirected(stage);
      await stage.take('tap0.0', 0);
      return () => stage.send('ve0');
    },
  },
];

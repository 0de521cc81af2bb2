// SPDX-License-Identifier: Apache-2.0
// What the host does with packets beside the ring: XDP and rp_filter behind tun, neighbours that do not answer before it.
import type { Device } from '../../src/snapshot/device.ts';
import { GUEST_ADDRESS } from '../../test/host/talking-guest.ts';
import { drawn, type Entry, lostBefore } from './scenario.ts';
import type { Stage } from './setup.ts';

const taps = drawn(['tap'], [500], [200, 400]);
const tuns = drawn(['tun'], [500], [200, 400]);

async function rpFilter({ lab }: Stage, mode: 0 | 1): Promise<void> {
  await lab.exec('sysctl', '-q', `net.ipv4.conf.all.rp_filter=${mode}`, `net.ipv4.conf.tap0.rp_filter=${mode}`);
}

const grows =
  (of: (device: Device) => number) =>
  (before: Device, now: Device): boolean =>
    of(now) > of(before);

const rxDropped = grows(({ counters }) => counters?.rxDropped ?? 0);
const refused = grows(({ receive }) => (receive?.refusedByHost ?? []).reduce((sum, { packets }) => sum + packets, 0));

/** Sends to addresses of the tap’s network that no guest has, `rate` packets a second. */
async function askNeighbours(stage: Stage): Promise<void> {
  const { lab, sender, variant } = stage;
  await lab.ip('addr add 10.78.0.1/16 dev tap0');
  let next = 0;
  stage.often(100, async () => {
    for (let sent = 0; sent < variant.rate / 10; sent++, next++)
      await sender.udp(`10.78.${1 + ((next >> 8) & 63)}.${next & 255}`, 9, 1, 64).catch(() => undefined);
  });
}

/** What its guest sends leaves by ve0, a port of its bridge; `beforeItSends`: once both are ports. */
export async function bridgedUplink(stage: Stage, beforeItSends?: () => Promise<unknown>): Promise<void> {
  await stage.serve();
  await stage.lab.ipBatch([
    'link add br0 type bridge',
    'link add ve0 type veth peer name ve1',
    'link set tap0 master br0',
    'link set ve0 master br0 up',
    'link set ve1 up',
    'link set br0 up',
  ]);
  await beforeItSends?.();
  stage.often(20, () => stage.reader.write('tap0.0', 10, 1000, { unicast: true }));
}

const shapeUplink = ({ lab }: Stage, rate: string): Promise<unknown> =>
  lab.tc(`qdisc replace dev ve0 root tbf rate ${rate} burst 20000 limit 10000000`);

export const BEHIND: readonly Entry[] = [
  {
    name: 'an uplink whose shaper holds what the guest sends',
    asked: 'tap0',
    faults: [
      {
        device: 'tap0',
        rule: 'onward-delay',
        holds: (_, { surroundings }) => (surroundings?.backlogs ?? []).some(({ packets }) => packets > 100),
      },
    ],
    ...taps,
    setUp: (stage) => bridgedUplink(stage),
    begin: (stage) => shapeUplink(stage, '800kbit'),
  },
  {
    name: 'an uplink whose shaper lets pass what the guest sends',
    asked: 'tap0',
    nearMissOf: 'onward-delay',
    ...taps,
    setUp: (stage) => bridgedUplink(stage),
    begin: (stage) => shapeUplink(stage, '800mbit'),
  },
  {
    name: 'an XDP program drops what the guest sends',
    faults: [{ device: 'tap0', rule: 'xdp-drop', holds: rxDropped }],
    ...taps,
    prepare: async (stage) => {
      await stage.serve();
      await stage.sender.xdp('tap0', 'drop');
      return () => stage.talk();
    },
  },
  {
    name: 'an XDP program lets pass what the guest sends',
    nearMissOf: 'xdp-drop',
    ...taps,
    prepare: async (stage) => {
      await stage.serve();
      await stage.sender.xdp('tap0', 'pass');
      return () => stage.talk();
    },
  },
  {
    name: 'rp_filter drops what the guest sends',
    faults: [{ device: 'tap0', rule: 'host-refuses', holds: refused }],
    ...tuns,
    prepare: async (stage) => {
      await stage.serve();
      await stage.talk();
      await rpFilter(stage, 1);
      return () => stage.lab.ip(`route replace ${GUEST_ADDRESS}/32 dev lo`);
    },
  },
  {
    name: 'rp_filter lets pass what comes by its own device',
    nearMissOf: 'host-refuses',
    ...tuns,
    prepare: async (stage) => {
      await stage.serve();
      await stage.talk();
      await rpFilter(stage, 1);
      return async () => undefined;
    },
  },
  {
    name: 'a guest that does not answer ARP',
    faults: [
      { device: 'tap0', rule: 'neighbour-failed', holds: (before, now) => lostBefore(before, now, 'NEIGH_FAILED') },
    ],
    ...taps,
    setUp: (stage) => stage.serve(),
    begin: (stage) => askNeighbours(stage),
  },
  {
    name: 'a guest whose address is known',
    nearMissOf: 'neighbour-failed',
    ...taps,
    prepare: async (stage) => {
      await stage.serve();
      await stage.lab.ipBatch([
        'addr add 10.78.0.1/16 dev tap0',
        'neigh replace 10.78.0.2 lladdr 02:00:00:00:00:01 dev tap0 nud permanent',
      ]);
      return async () => stage.often(100, () => stage.sender.udp('10.78.0.2', 9, 25, 64));
    },
  },
];

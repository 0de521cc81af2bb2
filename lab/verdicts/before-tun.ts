// SPDX-License-Identifier: Apache-2.0
// Losses on the way to a device: no reader, a qdisc, a bridge, a firewall.
import type { Device } from '../../src/snapshot/device.ts';
import { bridge, refuse } from './bridge-ports.ts';
import { drawn, type Entry, type Fault, lostBefore } from './scenario.ts';
import type { Stage } from './setup.ts';

const easy = drawn(['tap', 'tun', 'vhost'], [500, 1000], [300, 600]);
const routed = drawn(['tap', 'tun', 'vhost'], [500], [200, 400]);
const onBridge = drawn(['tap', 'vhost'], [500], [200, 400]);

/** What comes in by ve0 is forwarded to tap0. */
async function router(stage: Stage): Promise<void> {
  await stage.serve();
  const { lab, variant } = stage;
  const peer = 'neigh replace 10.77.255.1 lladdr 02:00:00:00:00:01 dev tap0 nud permanent';
  await lab.ipBatch([
    'link add ve0 type veth peer name ve1',
    'link set ve0 up',
    'link set ve1 address 02:00:00:00:00:01 up',
    'route add 10.77.255.0/24 dev tap0',
    ...(variant.reader === 'tun' ? [] : [peer]),
  ]);
  await lab.exec(
    'sh',
    '-c',
    'cd /proc/sys/net/ipv4; echo 1 > ip_forward; for f in conf/*/rp_filter; do echo 0 > $f; done',
  );
}

async function refuseRouted({ lab }: Stage, statement: string): Promise<void> {
  const chain = '{ type filter hook forward priority 0; }';
  await lab.exec('nft', `add table ip f; add chain ip f c ${chain}; add rule ip f c oifname tap0 ${statement}`);
}

/** Makes the variant's rate so many percent of what the qdisc lets through, for packets of 100 bytes. */
async function shape({ lab, variant }: Stage, percent: number, limit = 100_000): Promise<void> {
  const bits = Math.round((8 * 100 * variant.rate * 100) / percent);
  await lab.tc(`qdisc replace dev tap0 root handle 1: tbf rate ${bits}bit burst 5000 limit ${limit}`);
}

async function classify({ lab }: Stage, action: 'drop' | 'pass'): Promise<void> {
  await lab.tc('qdisc add dev tap0 clsact');
  await lab.tc(`filter add dev tap0 egress matchall action ${action}`);
}

/** What tap0's guest sends leaves by ve0: 20 frames ten times a second. */
async function redirect(stage: Stage): Promise<void> {
  await stage.serve();
  const { lab, reader } = stage;
  await lab.ipBatch(['link add ve0 type veth peer name ve1', 'link set ve0 up', 'link set ve1 up']);
  await lab.tc('qdisc add dev tap0 ingress');
  await lab.tc('filter add dev tap0 parent ffff: protocol all u32 match u32 0 0 action mirred egress redirect dev ve0');
  stage.often(100, () => reader.write('tap0.0', 20, 64));
}

const sendsMore = (before: Device, now: Device): boolean =>
  (now.counters?.rxPackets ?? 0) > (before.counters?.rxPackets ?? 0);

const lost = (rule: string): Fault => ({ device: 'tap0', rule, holds: lostBefore });

export const BEFORE_TUN: readonly Entry[] = [
  {
    name: 'packets to a tap that nobody has open',
    faults: [lost('no-reader')],
    ...drawn(['tap', 'tun'], [500], [200, 400]),
    prepare: async (stage) => {
      await stage.serve({ flags: ['persist'] });
      await stage.send('tap0');
      return async () => {
        await stage.halt('tap0.0');
        await stage.reader.close('tap0.0');
      };
    },
  },
  {
    name: 'a tap that nobody has open and nobody sends to',
    nearMissOf: 'no-reader',
    ...drawn(['tap', 'tun'], [500], [0]),
    setUp: (stage) => stage.open('tap0', { flags: ['persist'] }),
    begin: (stage) => stage.reader.close('tap0.0'),
  },
  {
    name: 'a tap whose carrier is turned off',
    faults: [lost('carrier-off')],
    ...drawn(['tap', 'tun'], [500], [200, 400]),
    setUp: (stage) => stage.flow(),
    begin: (stage) => stage.lab.ip('link set dev tap0 carrier off'),
  },
  {
    name: 'a tap whose carrier was off for a moment',
    nearMissOf: 'carrier-off',
    ...drawn(['tap', 'tun'], [500], [200]),
    setUp: async ({ lab, serve }) => {
      await serve();
      await lab.ip('link set dev tap0 carrier off');
      await lab.ip('link set dev tap0 carrier on');
    },
    begin: (stage) => stage.send('tap0'),
  },
  {
    name: 'a tc filter that redirects what the guest sends to a device that is down',
    faults: [{ device: 'tap0', rule: 'redirected-away', may: ['host-refuses'], holds: sendsMore }],
    asked: 'tap0',
    ...drawn(['tap'], [500], [100]),
    prepare: async (stage) => {
      await redirect(stage);
      return () => stage.lab.ip('link set dev ve0 down');
    },
  },
  {
    name: 'a tc filter that redirects what the guest sends to a device that is up',
    nearMissOf: 'redirected-away',
    asked: 'tap0',
    ...drawn(['tap'], [500], [100]),
    setUp: (stage) => redirect(stage),
    begin: (stage) => stage.send('tap0'),
  },
  {
    name: 'an address of the guest that the bridge has as its own',
    faults: [{ device: 'tap0', rule: 'bridge-table', holds: () => true }],
    asked: 'tap0',
    ...onBridge,
    prepare: async (stage) => {
      await bridge(stage, 1500);
      return () => stage.lab.exec('bridge', ...'fdb replace 02:00:00:00:00:77 dev tap0 master permanent'.split(' '));
    },
  },
  {
    name: 'an address of the guest that was written to its port',
    nearMissOf: 'bridge-table',
    asked: 'tap0',
    ...onBridge,
    prepare: async (stage) => {
      await bridge(stage, 1500);
      await stage.send('ve0');
      return () => stage.lab.exec('bridge', ...'fdb replace 02:00:00:00:00:77 dev tap0 master static'.split(' '));
    },
  },
  {
    name: 'a shaper with too short a queue',
    faults: [{ ...lost('qdisc-drop'), may: ['qdisc-delay'] }],
    ...easy,
    prepare: async (stage) => {
      await stage.serve();
      const bits = 8 * 100 * stage.variant.rate;
      await stage.lab.tc(`qdisc replace dev tap0 root tbf rate ${bits / 2}bit burst 1600 limit 3000`);
      return () => stage.send('tap0');
    },
  },
  {
    name: 'a shaper with a long queue',
    faults: [{ device: 'tap0', rule: 'qdisc-delay', holds: (_, { backlog }) => (backlog?.packets ?? 0) > 100 }],
    ...easy,
    prepare: async (stage) => {
      await stage.serve();
      // An emulated sender on a busy machine manages half of its rate.
      await shape(stage, 300, 10_000_000);
      return () => stage.send('tap0');
    },
  },
  {
    name: 'a shaper that drains each burst',
    nearMissOf: 'qdisc-delay',
    ...easy,
    prepare: async (stage) => {
      await stage.serve();
      await shape(stage, 10);
      return () => stage.send('tap0', { lump: 20 });
    },
  },
  {
    name: 'AQM that drops what it should',
    nearMissOf: 'qdisc-drop',
    ...easy,
    prepare: async (stage) => {
      await stage.serve();
      await shape(stage, 101);
      await stage.lab.tc('qdisc replace dev tap0 parent 1: handle 10: codel limit 1000');
      return () => stage.send('tap0');
    },
  },
  {
    name: 'fq is told that packets leave in a day',
    faults: [lost('fq-horizon')],
    ...easy,
    prepare: async (stage) => {
      await stage.serve();
      await stage.lab.tc('qdisc replace dev tap0 root fq');
      return () => stage.send('tap0', { ahead: 86_400 });
    },
  },
  {
    name: 'fq is told that packets leave in a second',
    nearMissOf: 'fq-horizon',
    ...easy,
    prepare: async (stage) => {
      await stage.serve();
      await stage.lab.tc('qdisc replace dev tap0 root fq limit 10000 flow_limit 5000');
      return () => stage.send('tap0', { ahead: 1, rate: 300 });
    },
  },
  {
    name: 'frames too long for one port of a bridge',
    faults: [lost('bridge-mtu')],
    ...onBridge,
    prepare: async (stage) => {
      await bridge(stage, 1500);
      await stage.send('ve0', { rate: 300 });
      return () => stage.send('ve0', { size: 4000 });
    },
  },
  {
    name: 'long frames on a bridge that has room for them',
    nearMissOf: 'bridge-mtu',
    ...drawn(['tap'], [500], [200, 400]),
    setUp: (stage) => bridge(stage, 9000),
    begin: (stage) => stage.send('ve0', { size: 4000 }),
  },
  {
    name: 'a firewall on the bridge',
    faults: [lost('host-firewall')],
    ...onBridge,
    prepare: async (stage) => {
      await bridge(stage, 1500);
      await stage.send('ve0', { rate: 300 });
      return () => refuse(stage, 'limit rate over 100/second burst 5 packets drop').then(() => stage.send('ve0'));
    },
  },
  {
    name: 'a firewall that lets all of it pass',
    nearMissOf: 'host-firewall',
    ...onBridge,
    prepare: async (stage) => {
      await bridge(stage, 1500);
      await refuse(stage, 'accept');
      return () => stage.send('ve0');
    },
  },
  {
    name: 'a firewall drops what the host forwards',
    faults: [lost('host-firewall')],
    ...routed,
    prepare: async (stage) => {
      await router(stage);
      await stage.send('ve0', { ipv4: true, unicast: true });
      return () => refuseRouted(stage, 'drop');
    },
  },
  {
    name: 'a firewall drops a scan among what the host forwards',
    nearMissOf: 'host-firewall',
    ...routed,
    prepare: async (stage) => {
      await router(stage);
      await refuseRouted(stage, 'limit rate 4/second burst 5 packets drop');
      return () => stage.send('ve0', { ipv4: true, unicast: true });
    },
  },
  {
    name: 'a tc filter that drops all',
    // The filter's hook is made first: some kernels discard what the qdisc holds when it is.
    faults: [{ ...lost('loss-unexplained'), holds: (before, now) => lostBefore(before, now, 'TC_EGRESS') }],
    ...easy,
    setUp: (stage) => stage.flow(),
    begin: (stage) => classify(stage, 'drop'),
  },
  {
    name: 'a tc filter that lets all pass',
    nearMissOf: 'loss-unexplained',
    ...easy,
    prepare: async (stage) => {
      await stage.serve();
      await classify(stage, 'pass');
      return () => stage.send('tap0');
    },
  },
];

// SPDX-License-Identifier: Apache-2.0
// A bridge of which tap0 is a port: one that does not forward, and some that do.
import type { Device } from '../../src/snapshot/device.ts';
import { drawn, type Entry } from './scenario.ts';
import type { Stage } from './setup.ts';

/** Frames of any size come in by ve0, and leave the bridge by tap0. */
export async function bridge(stage: Stage, mtu: number): Promise<void> {
  await stage.serve();
  await stage.lab.ipBatch([
    'link add ve0 type veth peer name ve1',
    'link add br0 type bridge mcast_snooping 0 forward_delay 0',
    'link set ve0 mtu 9000 up',
    'link set ve1 mtu 9000 master br0 up',
    `link set tap0 mtu ${mtu} master br0 up`,
    'link set br0 mtu 9000 up',
  ]);
  await stage.lab.forwards('tap0');
}

/** What the bridge forwards to tap0 is dropped, as far as the statement says. */
export async function refuse({ lab }: Stage, statement: string): Promise<void> {
  const chain = '{ type filter hook forward priority 0; }';
  await lab.exec(
    'nft',
    `add table bridge f; add chain bridge f c ${chain}; add rule bridge f c oifname tap0 ${statement}`,
  );
}

const taps = drawn(['tap', 'vhost'], [500], [200, 400]);

const set = ({ lab }: Stage, setting: string): Promise<unknown> =>
  lab.exec('bridge', 'link', 'set', 'dev', 'tap0', ...setting.split(' '));

const isClosed = ({ bridgePort: port }: Device): boolean =>
  port !== undefined && port !== 'unread' && port.state !== 'forwarding';

export const BRIDGE_PORTS: readonly Entry[] = [
  {
    name: 'a port of a bridge that is disabled',
    faults: [{ device: 'tap0', rule: 'bridge-port', holds: (_, now) => isClosed(now) }],
    ...taps,
    prepare: async (stage) => {
      await bridge(stage, 1500);
      await stage.send('ve0');
      return () => set(stage, 'state 0');
    },
  },
  {
    name: 'a port of a bridge that is isolated beside one that is not',
    nearMissOf: 'bridge-port',
    asked: 'tap0',
    ...taps,
    prepare: async (stage) => {
      await bridge(stage, 1500);
      await stage.send('ve0');
      return () => set(stage, 'isolated on');
    },
  },
];

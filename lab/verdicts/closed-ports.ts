// SPDX-License-Identifier: Apache-2.0
// A port of a bridge that does not forward, and some that do.
import type { Device } from '../../src/snapshot/device.ts';
import { bridge } from './before-tun.ts';
import { drawn, type Entry } from './scenario.ts';
import type { Stage } from './setup.ts';

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

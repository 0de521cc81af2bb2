// SPDX-License-Identifier: Apache-2.0
// Two faults at once, on one device or two: each has to be found, and neither taken for the other.
import { bridge, refuse } from './bridge-ports.ts';
import { burst, overflowing, readBriskly } from './overflow.ts';
import { refused, writeBadHeaders } from './program-faults.ts';
import { drawn, dropped, type Entry, lostBefore, ringOverflows } from './scenario.ts';

export const PAIRS: readonly Entry[] = [
  {
    name: 'bursts on one device, a stopped reader on another',
    faults: [overflowing, { device: 'tap1', rule: 'reader-stalled', holds: ringOverflows }],
    ...drawn(['tap', 'tun'], [100, 200], [300]),
    prepare: async (stage) => {
      await readBriskly(stage, 'tap0');
      await stage.open('tap1');
      return async () => {
        await burst(stage, 'tap0', 3);
        await stage.send('tap1');
      };
    },
  },
  {
    name: 'bursts that do not fit, and refused writes',
    faults: [{ ...overflowing, also: [refused.rule] }],
    ...drawn(['tap', 'tun'], [100, 200], [300]),
    prepare: async (stage) => {
      await stage.open('tap0', { flags: ['vnet'] });
      await stage.take('tap0.0', 0, { work: 200 });
      return async () => {
        await burst(stage, 'tap0', 3);
        await writeBadHeaders(stage);
      };
    },
  },
  {
    name: 'frames too long for the bridge, and a guest that posts too few buffers',
    faults: [{ device: 'tap0', rule: 'guest-not-refilling', also: ['bridge-mtu'], holds: ringOverflows }],
    ...drawn(['vhost'], [100, 200], [600]),
    prepare: async (stage) => {
      await bridge(stage, 1500);
      return async () => {
        await stage.halt('tap0.0');
        await stage.take('tap0.0', 0.4 * stage.variant.rate);
        await stage.send('ve0');
        await stage.send('ve0', { size: 4000, rate: 300 });
      };
    },
  },
  {
    name: 'a shaper with too short a queue, and a device that nobody has open',
    faults: [
      { device: 'tap0', rule: 'qdisc-drop', may: ['qdisc-delay'], holds: lostBefore },
      { device: 'tap1', rule: 'no-reader', holds: lostBefore },
    ],
    ...drawn(['tap', 'tun'], [500], [400]),
    prepare: async (stage) => {
      await stage.serve();
      await stage.open('tap1', { flags: ['persist'] });
      await stage.lab.tc('qdisc replace dev tap0 root tbf rate 160kbit burst 1600 limit 3000');
      return async () => {
        await stage.reader.close('tap1.0');
        await stage.send('tap0');
        await stage.send('tap1');
      };
    },
  },
  {
    name: 'a firewall on the bridge, and a stopped reader',
    faults: [{ device: 'tap0', rule: 'reader-stalled', also: ['host-firewall'], holds: ringOverflows }],
    ...drawn(['tap', 'vhost'], [100, 200], [500]),
    prepare: async (stage) => {
      await bridge(stage, 1500);
      return async () => {
        await refuse(stage, 'limit rate over 200/second burst 5 packets drop');
        await stage.send('ve0');
        stage.reader.signal('SIGSTOP');
      };
    },
  },
  {
    name: 'a filter on one device, a ring of no size on another',
    faults: [
      { device: 'tap0', rule: 'filter-drop', holds: dropped('SOCKET_FILTER') },
      { device: 'tap1', rule: 'txqlen-zero', holds: dropped('FULL_RING') },
    ],
    ...drawn(['tap'], [200], [200, 400]),
    prepare: async (stage) => {
      for (const device of ['tap0', 'tap1']) {
        await stage.open(device, { ring: device === 'tap0' ? stage.variant.ring : 0 });
        await stage.take(`${device}.0`, 0);
      }
      return async () => {
        await stage.reader.filter('tap0.0', 'all');
        for (const device of ['tap0', 'tap1']) await stage.send(device);
      };
    },
  },
];

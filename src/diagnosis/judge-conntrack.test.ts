// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// Conntrack drops for want of room: before the host chose a device, and after.
import { testHosts } from '../../test/snapshots/judged-hosts.ts';
import type { Rate, TapPlan } from '../../test/snapshots/quiet-host.ts';

/** Conntrack itself drops so many packets a second. */
const dropping = (rate: number, drops: Readonly<Record<string, Rate>> = {}): readonly TapPlan[] => [
  { before: drops, more: (second) => ({ conntrackDropped: rate * second }) },
];
const firewall = { 'NETFILTER_DROP@nf_hook_slow': 700 };

testHosts([
  {
    host: 'has a full table of connections, so that what it sends is dropped',
    taps: dropping(700, firewall),
    finds: ['host-firewall warning'],
    says: /packets on their way to it: conntrack has no room for new connections\.$/,
    types: 'sysctl -w net.netfilter.nf_conntrack_max=$((2 * $(sysctl -n net.netfilter.nf_conntrack_max)))',
  },
  {
    host: 'has a rule that drops most, and a few packets that conntrack refuses',
    taps: dropping(20, firewall),
    finds: ['host-firewall warning'],
    says: /packets on their way to it\.$/,
  },
  {
    host: 'has a full table of connections, so that what it forwards is dropped before a route is chosen',
    taps: dropping(700),
    asked: true,
    finds: ['host-firewall warning'],
    says: /before the host chose a device for them: conntrack has no room for new connections\.$/,
  },
  {
    host: 'has a packet that conntrack refuses now and then',
    taps: dropping(0.5),
    asked: true,
    finds: ['not-here info'],
  },
  { host: 'has a full table of connections, and no device is asked about', taps: dropping(700), finds: [] },
]);

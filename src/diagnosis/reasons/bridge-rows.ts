// SPDX-License-Identifier: Apache-2.0
// Drop reasons of bridges, VXLAN and Open vSwitch. From net/bridge, drivers/net/vxlan and net/openvswitch of Linux 6.1 to 7.3.
import { type DropRemedy, type DropRow, type DropRows, harmless, inGuest, onHost } from './drop-row.ts';

const ports: DropRemedy = onHost(
  'bridge -d link show',
  'Shows the ports of all bridges: state, flooding, isolation, hairpin.',
);
const vxlan: DropRemedy = onHost(
  'ip -d -s link show type vxlan',
  'Shows id, remote, port and errors of each VXLAN device.',
);

/** The port that it is, on the way from the device; another one on the way to it. */
const closedPort: readonly DropRow[] = [
  {
    class: 'loss',
    cause: 'its port of the bridge does not forward (disabled, or spanning tree)',
    way: 'from',
    remedies: [
      onHost(
        'bridge -d link show dev {device}',
        'Shows the port’s state. One that listens or learns needs up to 30 s; bridge link set dev {device} state 3 opens it.',
      ),
    ],
  },
  { class: 'loss', cause: 'the port by which they came to the bridge does not forward', remedies: [ports] },
];

const noTarget: readonly DropRow[] = [
  harmless('multicast groups that no port of the bridge has asked for', { at: ['br_multicast_flood'] }),
  {
    class: 'loss',
    cause: 'no remote end is known for them on the VXLAN',
    at: ['vxlan_xmit', 'vxlan_mdb_xmit'],
    remedies: [onHost('bridge fdb show', 'Shows the remote ends; a default one has the address of all zeros.')],
  },
  {
    class: 'noise',
    cause: 'no other port of the bridge may have them: all are down, isolated, or do not flood',
    remedies: [ports, onHost('bridge fdb show', 'Shows where each MAC address is; theirs is not there.')],
  },
];

const flows: DropRemedy = onHost(
  'ovs-appctl dpctl/dump-flows',
  'Shows the flows of the datapath with their actions and packets; ovs-ofctl dump-flows BRIDGE their cause.',
);

const byOvs = (kind: DropRow['class'], cause: string, ...more: readonly DropRemedy[]): readonly DropRow[] => [
  { class: kind, cause, remedies: [...more, flows] },
];

export const BRIDGE_ROWS: DropRows = {
  BRIDGE_INGRESS_STP_STATE: closedPort,
  NO_TX_TARGET: noTarget,
  MAC_INVALID_SOURCE: [
    {
      class: 'loss',
      cause: 'their source MAC address is a multicast’s, or all zeros',
      remedies: [
        inGuest('ip link show', 'does its interface have a proper address? Else the program writes frames badly.'),
      ],
    },
  ],
  MAC_IEEE_MAC_CONTROL: [harmless('Ethernet pause frames, which no bridge forwards')],
  LOCAL_MAC: [
    {
      class: 'noise',
      cause: 'their source MAC address is the VXLAN device’s own: a loop, or one address twice',
      remedies: [vxlan],
    },
  ],
  VXLAN_INVALID_HDR: [{ class: 'loss', cause: 'their VXLAN header is malformed', remedies: [vxlan] }],
  VXLAN_VNI_NOT_FOUND: [{ class: 'loss', cause: 'the host has no VXLAN device of their id (VNI)', remedies: [vxlan] }],
  VXLAN_ENTRY_EXISTS: [
    {
      class: 'loss',
      cause: 'their source MAC address is fixed to another end of the VXLAN',
      remedies: [
        onHost(
          'bridge fdb show',
          'Shows permanent entries: delete the one that a moved guest has left (bridge fdb del).',
        ),
      ],
    },
  ],
  TUNNEL_TXINFO: [
    {
      class: 'loss',
      cause: 'they came to a tunnel in “external” mode, and no route or filter said where they go',
      remedies: [
        onHost(
          'ip -d link show',
          'Shows tunnels in external mode: these need a route with encap, or a tc tunnel_key action.',
        ),
      ],
    },
  ],
  IP_TUNNEL_ECN: [
    {
      class: 'noise',
      cause: 'outside and inside of their tunnel disagree on congestion (ECN): something on the way rewrites it',
      remedies: [vxlan],
    },
  ],
  OVS_LAST_ACTION: byOvs('meant', 'a flow of Open vSwitch has no output for them: a drop rule, or no rule fits'),
  OVS_ACTION_ERROR: byOvs('loss', 'an action of Open vSwitch failed'),
  OVS_EXPLICIT: byOvs('meant', 'a flow of Open vSwitch drops them'),
  OVS_EXPLICIT_WITH_ERROR: byOvs('loss', 'Open vSwitch drops them for an error in its flows'),
  OVS_METER: byOvs(
    'policed',
    'a meter of Open vSwitch drops them (a rate limit)',
    onHost(
      'ovs-appctl dpctl/show',
      'Shows the datapath; ovs-ofctl meter-stats BRIDGE shows the meters and what they dropped.',
    ),
  ),
  OVS_RECURSION_LIMIT: byOvs('loss', 'the actions of Open vSwitch call each other too deeply'),
  OVS_DEFERRED_LIMIT: byOvs('loss', 'Open vSwitch has too many actions to do later'),
  OVS_FRAG_L2_TOO_LONG: byOvs(
    'loss',
    'they are longer than a port’s MTU, and their Ethernet header is too long to cut them',
  ),
  OVS_FRAG_INVALID_PROTO: byOvs('loss', 'they are longer than a port’s MTU, and no IP packets that could be cut'),
  OVS_CONNTRACK: byOvs('loss', 'the connection tracking of Open vSwitch refuses them'),
  OVS_IP_TTL: byOvs('noise', 'their TTL is used up in Open vSwitch: a loop, or a traceroute'),
};

// SPDX-License-Identifier: Apache-2.0
// Functions of bridges and of Open vSwitch that free packets without a reason.
import { BRIDGE_ROWS } from '../bridge-rows.ts';
import { type DropRemedy, type DropRow, errorCounters, onHost } from '../drop-row.ts';
import { IP_ROWS } from '../ip-rows.ts';
import { one, rowsOf, same, type UnnamedRows } from './rows.ts';

const vlans: DropRemedy = onHost(
  'bridge vlan show',
  'Shows the VLANs of each port; where a frame comes in and where it leaves, its VLAN has to be there.',
);
const ports: DropRemedy = onHost(
  'bridge -d link show',
  'Shows the ports of all bridges: state, VLANs, isolation, hairpin, locked.',
);
const vlanOfPort: DropRemedy = onHost(
  'bridge vlan show dev {device}',
  'Shows the VLANs that the port allows; untagged frames need one marked PVID.',
);

const addresses: DropRemedy = onHost(
  'bridge fdb show',
  'Shows behind which port the bridge knows each MAC address; one that moved is told anew by its first frame.',
);

const isolatedPort: DropRow = {
  class: 'meant',
  cause: 'its port of the bridge is isolated, and so is the port of their destination',
  port: 'isolated',
  remedies: [
    onHost(
      'bridge link set dev {device} isolated off',
      'Lets it reach all ports. Not if guests are kept apart on purpose.',
    ),
    ports,
  ],
};

const lockedPort: DropRow = {
  class: 'loss',
  cause: 'its port of the bridge takes no frames from this address: it is locked',
  remedies: [
    onHost(
      'bridge fdb show',
      'A locked port needs an entry of the guest’s address: bridge fdb add ADDRESS dev {device} master static.',
    ),
    ports,
  ],
};

const closedTarget: DropRow = {
  class: 'loss',
  cause:
    'the bridge’s port of their destination may not have them: its state, VLAN, isolation, or the port they came by',
  remedies: [ports, addresses],
};

export const BRIDGE: UnnamedRows = [
  ...rowsOf(IP_ROWS.PKT_TOO_BIG, [
    'br_dev_queue_push_xmit',
    'br_forward_finish',
    'br_nf_dev_queue_xmit',
    'br_nf_ip_fragment',
  ]),
  ...rowsOf(BRIDGE_ROWS.NO_TX_TARGET, ['br_flood', 'br_multicast_flood']),
  ...same(
    {
      class: 'loss',
      cause: 'the VLAN that they carry, or that untagged frames are given, is not allowed on the port',
      remedies: [vlanOfPort, vlans],
    },
    '__allowed_ingress',
    'br_allowed_ingress',
  ),
  ...same(
    { class: 'loss', cause: 'the port of the bridge by which they leave is not in their VLAN', remedies: [vlans] },
    'br_handle_vlan',
    'br_pass_frame_up',
  ),
  // Where the compiler ends br_forward() with a jump, its caller is named in its place.
  ['br_forward', [isolatedPort, closedTarget]],
  [
    'br_handle_frame_finish',
    [
      isolatedPort,
      { ...lockedPort, port: 'locked' },
      {
        ...closedTarget,
        cause:
          'its bridge port is locked or closed, or that of their destination may not have them (state, VLAN, the same)',
      },
    ],
  ],
  [
    'br_handle_frame',
    one({
      class: 'loss',
      cause: 'its port of the bridge does not forward, or their source MAC address is not valid',
      remedies: [ports],
    }),
  ],
  ...same(
    {
      class: 'loss',
      cause: 'the IP layer of br_netfilter could not handle the bridged packet',
      remedies: [
        onHost(
          'sysctl net.bridge.bridge-nf-call-iptables',
          '1 lets IP rules judge bridged frames; set it to 0 only if no rule is meant for them: it opens the bridge.',
        ),
        errorCounters,
      ],
    },
    'br_nf_pre_routing_finish',
    'br_nf_pre_routing_finish_bridge',
    'br_nf_forward_finish',
    'br_nf_post_routing',
  ),
];

/** Before Linux 6.7. */
export const OPEN_VSWITCH: UnnamedRows = [
  ...rowsOf(BRIDGE_ROWS.OVS_LAST_ACTION, ['do_execute_actions', 'ovs_execute_actions']),
  ...same(
    {
      class: 'loss',
      cause: 'Open vSwitch could not ask its daemon what to do with them, or send them out',
      remedies: [
        onHost(
          'ovs-appctl dpctl/show',
          'lost: that grows are packets that the daemon (ovs-vswitchd) was too slow for.',
        ),
      ],
    },
    'ovs_dp_process_packet',
    'ovs_dp_upcall',
    'queue_userspace_packet',
    'ovs_vport_send',
    'ovs_vport_receive',
    'netdev_port_receive',
    'do_output',
  ),
];

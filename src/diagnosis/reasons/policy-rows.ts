// SPDX-License-Identifier: Apache-2.0
// Drop reasons of what the host forbids: IPsec’s policies, firewalls, BPF programs of a cgroup. From net of Linux 6.1 to 7.3.
import { RULES_SHOWN } from '../remedies/command.ts';
import { type DropRows, onHost } from './drop-row.ts';

export const POLICY_ROWS: DropRows = {
  XFRM_POLICY: [
    {
      class: 'meant',
      cause: 'an IPsec policy of the host asks for encryption that they do not have',
      remedies: [
        onHost(
          'ip xfrm policy show',
          'Shows the policies; ip xfrm state show whether there is a key. nstat -az shows XfrmIn… that grow.',
        ),
      ],
    },
  ],
  NETFILTER_DROP: [
    {
      class: 'meant',
      cause: 'the host’s firewall drops them',
      remedies: [
        onHost('nft list ruleset', RULES_SHOWN),
        onHost(
          'iptables-legacy-save -c',
          'Shows the rules of the old tables (nft does not know them), each with the packets that it met.',
        ),
      ],
    },
  ],
  BPF_CGROUP_EGRESS: [
    {
      class: 'meant',
      cause: 'a BPF program of the sender’s cgroup refuses them (systemd’s IPAddressDeny, Kubernetes)',
      remedies: [
        onHost(
          'bpftool cgroup tree',
          'Shows which cgroup has a program; systemctl show UNIT -p IPAddressDeny a unit’s own rule.',
        ),
      ],
    },
  ],
};

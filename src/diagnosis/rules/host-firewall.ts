// SPDX-License-Identifier: Apache-2.0

import { isFirewallDrop } from '../evidence/drop-kinds.ts';
import { isMostOfFew, lossBefore, MEANT_SHARE, NOISE_PER_SECOND, severityOf } from '../evidence/loss.ts';
import { onDevice } from '../make-finding.ts';
import { inNamespaceOf } from '../remedies/command.ts';
import type { Rule } from '../rule.ts';
import { QDISC_DROP } from '../rule-names.ts';
import { count, nameOf, percent } from '../words.ts';

export const hostFirewall: Rule = {
  name: 'host-firewall',
  summary: 'the host’s firewall drops packets on their way to the device',
  explanation:
    'Netfilter freed the packets: a rule of nftables, iptables or ebtables of this host, conntrack with a full table, or, where net.bridge.bridge-nf-call-iptables is on, IP rules that were never meant for what a bridge forwards. ' +
    'In FORWARD, OUTPUT and POSTROUTING the packet’s route names the device that it would have left by; in PREROUTING there is no route yet, so such drops belong to no device. ' +
    'A firewall drops on purpose, so this is told for information, and as a warning only where it takes a fifth of the traffic or more. It is never critical. Of a device that is asked about, few packets suffice.',
  speaksOf: 'firewalled',
  needs: ['devices', 'before'],
  judge: (window, asked) =>
    window.devices.flatMap((device) => {
      const loss = lossBefore(device, isFirewallDrop);
      const isAsked = device === asked;
      if (!loss || !(severityOf(loss) || (isAsked && isMostOfFew(loss)))) return [];
      const isMuch = loss.share >= MEANT_SHARE && (isAsked || loss.perSecond >= NOISE_PER_SECOND);
      return [
        onDevice(device, {
          severity: isMuch ? 'warning' : 'info',
          cause: `${nameOf(device)}: the host’s firewall dropped ${count(loss.lost)} of ${count(loss.offered)} packets on their way to it.`,
          evidence: [
            `${percent(loss.share)} of the packets, ${count(loss.perSecond)} a second, freed by netfilter (nf_hook_slow)`,
          ],
          remedies: [
            {
              command: inNamespaceOf(device, window, 'nft list ruleset'),
              effect:
                'Shows the rules, with counters where they have any. If the drop is meant, nothing is to be done.',
              lossless: true,
              restart: false,
              by: 'host',
            },
            {
              command: inNamespaceOf(device, window, 'iptables-legacy-save -c'),
              effect: 'Shows the rules of the old tables (nft does not know them), each with the packets that it met.',
              lossless: true,
              restart: false,
              by: 'host',
            },
            {
              command: inNamespaceOf(device, window, 'sysctl net.bridge.bridge-nf-call-iptables'),
              effect:
                '1 lets IP rules judge bridged frames; set it to 0 only if no rule is meant for them: it opens the bridge.',
              lossless: true,
              restart: false,
              by: 'host',
            },
            {
              command: inNamespaceOf(device, window, 'conntrack -S'),
              effect: 'insert_failed or drop that grow: its table is full; raise net.netfilter.nf_conntrack_max.',
              lossless: true,
              restart: false,
              by: 'host',
            },
          ],
          rejected: [
            { rule: QDISC_DROP, because: `no qdisc frees packets in netfilter; these ${count(loss.lost)} were` },
          ],
          confidence: 'high',
        }),
      ];
    }),
};

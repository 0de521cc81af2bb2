// SPDX-License-Identifier: Apache-2.0

import { isFirewallDrop } from '../evidence/drop-kinds.ts';
import { culpritOf, dropperName, policiesOf, showChain } from '../evidence/firewall-rule.ts';
import { isMostOfFew, type Loss, lossBefore, MEANT_SHARE, NOISE_PER_SECOND, severityOf } from '../evidence/loss.ts';
import type { Diagnosis, Remedy } from '../finding.ts';
import { count, loses, nameOf, percent, several } from '../format.ts';
import { onDevice } from '../make-finding.ts';
import { hostCommand, RULES_SHOWN } from '../remedies/command.ts';
import type { Rule } from '../rule.ts';
import { QDISC_DROP } from '../rule-names.ts';
import { type DeviceSpan, grown, type Window } from '../window.ts';

export const hostFirewall: Rule = {
  name: 'host-firewall',
  summary: 'the host’s firewall drops packets on their way to the device',
  explanation:
    'Netfilter freed the packets: a rule of nftables, iptables or ebtables of this host, or conntrack with a full table. Where net.bridge.bridge-nf-call-iptables is on, it may be IP rules that were never meant for bridged packets. ' +
    'The kernel counts drops by conntrack itself for the namespace: if they are most of the loss, the remedy is a larger table. ' +
    '`diagnose`, and `check` of a device, read the rules of nf_tables (nft, iptables-nft), and name the one that drops where it is certain: nothing else drops there, or what else does has counters that stood still. In FORWARD, OUTPUT and POSTROUTING the packet’s route names the device that it would have left by; in PREROUTING there is no route yet, so such drops belong to no device. Only those of conntrack are reported, for a device that is asked about. ' +
    'A firewall drops on purpose, so this is information; it is a warning only where it drops a fifth of the traffic or more. It is never critical. For a device that is asked about, few packets suffice.',
  symptom: 'firewalled',
  needs: ['devices', 'before'],
  judge: (window, asked) =>
    window.devices.flatMap((device) => {
      const loss = lossBefore(device, isFirewallDrop);
      const isAsked = device === asked;
      const isTold = loss && (severityOf(loss) || (isAsked && isMostOfFew(loss)));
      if (isTold) return [firewalled(device, window, loss, isAsked)];
      return isAsked && untracked(device) >= FEWEST_UNTRACKED ? [beforeRoute(device, window)] : [];
    }),
};

/** The fewest packets that count: conntrack's helpers refuse a few now and then. */
const FEWEST_UNTRACKED = 10;
/** The share of the firewall's drops from which on conntrack is their cause. */
const MOSTLY = 0.5;

/** Drops by conntrack itself in the device's namespace, for any device. */
function untracked(device: DeviceSpan): number {
  return grown(device, ({ conntrackDropped }) => conntrackDropped) ?? 0;
}

function firewalled(device: DeviceSpan, window: Window, loss: Loss, isAsked: boolean): Diagnosis {
  const isMuch = loss.share >= MEANT_SHARE && (isAsked || loss.perSecond >= NOISE_PER_SECOND);
  const byConntrack = untracked(device);
  const isFull = byConntrack >= MOSTLY * loss.lost;
  const culprit = byConntrack > 0 ? undefined : culpritOf(device, 'to');
  const who = culprit && dropperName(culprit.dropper);
  return onDevice(device, {
    severity: isMuch ? 'warning' : 'info',
    explains: loss.lost,
    brief: `${loses(loss)}: ${isFull ? FULL : who === undefined ? 'the firewall of the host drops them' : `the firewall drops them, ${who}`}`,
    cause: `${nameOf(device)}: the host’s firewall dropped ${count(loss.lost)} of ${several(loss.offered, 'packet')} on their way to it${isFull ? `: ${FULL}` : who === undefined ? '' : `, by ${who}`}.`,
    evidence: [
      `${percent(loss.share)} of the packets, ${count(loss.perSecond)} a second, freed by netfilter (nf_hook_slow)`,
      isFull ? inNamespace(byConntrack) : undefined,
      culprit?.because ?? (isFull ? undefined : policiesOf(device)),
    ],
    remedies: culprit
      ? [showChain(culprit, device, window)]
      : [...(isFull ? [largerTable] : []), ...looks(device, window)],
    rejected: [{ rule: QDISC_DROP, because: `no qdisc frees packets in netfilter; these ${count(loss.lost)} were` }],
    confidence: 'high',
  });
}

/** Conntrack drops forwarded packets in PREROUTING: any of them may have been for this device. */
function beforeRoute(device: DeviceSpan, window: Window): Diagnosis {
  const lost = untracked(device);
  return onDevice(device, {
    severity: 'warning',
    brief: `may miss packets, ${count(lost)} were dropped in its namespace: ${FULL}`,
    cause: `${nameOf(device)}: ${several(lost, 'packet was', 'packets were')} dropped in its namespace before the host chose a device for them: ${FULL}.`,
    evidence: [inNamespace(lost), 'no route had named a device yet: how many of them were for this one is not known'],
    remedies: [largerTable, ...looks(device, window)],
    rejected: [{ rule: QDISC_DROP, because: 'conntrack drops before any device is chosen' }],
    confidence: 'medium',
  });
}

const FULL = 'conntrack has no room for new connections';

function inNamespace(lost: number): string {
  return `conntrack itself dropped ${several(lost, 'packet')} in this namespace (drop of /proc/net/stat/nf_conntrack)`;
}

/** The first network namespace sets it for all. */
const largerTable: Remedy = {
  command: 'sysctl -w net.netfilter.nf_conntrack_max=$((2 * $(sysctl -n net.netfilter.nf_conntrack_max)))',
  effect:
    'Twice the room, for all namespaces: about 320 bytes a connection. The kernel’s log says “nf_conntrack: table full” while there is none.',
  lossless: true,
  restart: false,
  by: 'host',
};

function looks(device: DeviceSpan, window: Window): readonly Remedy[] {
  const look = (command: string, effect: string): Remedy => hostCommand(device, window, command, effect);
  return [
    look('nft list ruleset', RULES_SHOWN),
    look(
      'iptables-legacy-save -c',
      'Shows the rules of the old tables (nft does not know them), each with the packets that it met.',
    ),
    look(
      'sysctl net.bridge.bridge-nf-call-iptables',
      '1 lets IP rules judge bridged frames; set it to 0 only if no rule is meant for them: it opens the bridge.',
    ),
    look('conntrack -S', 'insert_failed or drop that grow: its table is full; raise net.netfilter.nf_conntrack_max.'),
  ];
}

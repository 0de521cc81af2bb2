// SPDX-License-Identifier: Apache-2.0

import type { OtherDrop } from '../../snapshot/device.ts';
import { isFirewallDrop } from '../evidence/drop-kinds.ts';
import { isXdpDrop, lossBehind } from '../evidence/from-guest.ts';
import { isMostOfFew, MEANT_SHARE, NOISE_PER_SECOND, severityOf } from '../evidence/loss.ts';
import type { Diagnosis, Remedy } from '../finding.ts';
import { count, nameOf, percent } from '../format.ts';
import { onDevice } from '../make-finding.ts';
import { inNamespaceOf, quoted } from '../remedies/command.ts';
import type { Rule } from '../rule.ts';
import { WRITER_REFUSED } from '../rule-names.ts';
import type { DeviceSpan, Window } from '../window.ts';

interface Kind {
  readonly is: (drop: OtherDrop) => boolean;
  readonly why: string;
  /** The firewall drops on purpose. */
  readonly isMeant: boolean;
  readonly remedy: (device: DeviceSpan, window: Window) => Pick<Remedy, 'command' | 'effect'>;
}

const MARTIANS: readonly string[] = ['IP_LOCAL_SOURCE', 'IP_INVALID_SOURCE', 'IP_INVALID_DEST', 'IP_LOCALNET'];
const NO_ROUTE: readonly string[] = ['IP_INNOROUTES', 'IP_OUTNOROUTES', 'IP_INADDRERRORS'];

const KINDS: readonly Kind[] = [
  {
    is: ({ reason }) => reason === 'IP_RPFILTER',
    why: 'their source addresses have another way back (rp_filter)',
    isMeant: false,
    remedy: (device, window) => ({
      command: inNamespaceOf(device, window, `sysctl -w ${quoted(`net/ipv4/conf/${device.now.name}/rp_filter`)}=2`),
      effect:
        'Loose mode: a source is accepted if any route leads back to it. Better: add a route to the source by this device.',
    }),
  },
  {
    is: ({ reason, location }) =>
      MARTIANS.includes(reason) || (reason === 'NOT_SPECIFIED' && location === 'ip_rcv_finish_core'),
    why: 'their addresses cannot be right on this device (martians), or the host has no route for them',
    isMeant: false,
    remedy: (device, window) => ({
      command: inNamespaceOf(device, window, 'sysctl -w net.ipv4.conf.all.log_martians=1'),
      effect: 'Logs each such address to the kernel’s log (dmesg); set it to 0 afterwards.',
    }),
  },
  {
    is: ({ reason }) => NO_ROUTE.includes(reason),
    why: 'the host has no route for them, or does not forward',
    isMeant: false,
    remedy: (device, window) => ({
      command: inNamespaceOf(device, window, 'sysctl net.ipv4.ip_forward net.ipv6.conf.all.forwarding'),
      effect: 'Must be 1 for a host that routes for its guests; ip route get ADDRESS iif DEVICE shows the route.',
    }),
  },
  {
    is: isFirewallDrop,
    why: 'the host’s firewall drops them',
    isMeant: true,
    remedy: (device, window) => ({
      command: inNamespaceOf(device, window, 'nft list ruleset'),
      effect: 'Shows the rules, with counters where they have any. If the drop is meant, nothing is to be done.',
    }),
  },
];

export const hostRefuses: Rule = {
  name: 'host-refuses',
  summary: 'the host drops what the guest or program sends: rp_filter, martian addresses, no route, or a firewall',
  explanation:
    'tun passed the packets on to the host, and the host’s own stack freed them while they still had the device. The causes are: rp_filter (IP_RPFILTER), when answers to the source would leave by another device; martians, addresses that cannot come from there; no route or no forwarding; a netfilter rule in PREROUTING, INPUT or FORWARD.\n\n' +
    'A firewall that refuses a guest’s packets mostly does so on purpose: that is information, and a warning only of a device that is asked about. The others are settings that fit together badly.',
  symptom: 'refused-by-host',
  needs: ['devices', 'freed', 'before'],
  judge: (window, asked) => window.devices.flatMap((device) => refusing(device, window, device === asked)),
};

function refusing(device: DeviceSpan, window: Window, isAsked: boolean): readonly Diagnosis[] {
  const isOurs = (drop: OtherDrop): boolean => !isXdpDrop(drop) && KINDS.some(({ is }) => is(drop));
  const loss = lossBehind(device, isOurs);
  if (!(severityOf(loss) || (isAsked && isMostOfFew(loss)))) return [];
  const kinds = KINDS.map((kind) => ({ kind, lost: lossBehind(device, kind.is).lost })).filter(({ lost }) => lost > 0);
  const most = kinds.sort((a, b) => b.lost - a.lost)[0]?.kind;
  if (!most) return [];
  const isMuch = loss.share >= MEANT_SHARE && (isAsked || (!most.isMeant && loss.perSecond >= NOISE_PER_SECOND));
  return [
    onDevice(device, {
      severity: isMuch ? 'warning' : 'info',
      cause: `${nameOf(device)}: the host dropped ${count(loss.lost)} of ${count(loss.offered)} packets from its guest or writer: ${most.why}.`,
      evidence: [
        `${percent(loss.share)} of the packets, ${count(loss.perSecond)} a second, freed behind tun`,
        ...kinds.map(({ kind, lost }) => `${count(lost)}: ${reasonsOf(device, kind.is)}`),
      ],
      remedies: kinds.map(({ kind }) => ({
        ...kind.remedy(device, window),
        lossless: true,
        restart: false,
        by: 'host',
      })),
      rejected: [{ rule: WRITER_REFUSED, because: 'tun took these writes: 0 of them failed' }],
      confidence: 'high',
    }),
  ];
}

function reasonsOf({ now }: DeviceSpan, wanted: (drop: OtherDrop) => boolean): string {
  return [...new Set((now.receive?.refusedByHost ?? []).filter(wanted).map(({ reason }) => reason))].join(', ');
}

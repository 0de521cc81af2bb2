// SPDX-License-Identifier: Apache-2.0
// Drop reasons of traffic control: filters, and qdiscs by their own names. From net/sched and net/core/dev.c; Linux 7.1 and later write QDISC_… of a subsystem.
import { MANAGED_SHARE } from '../evidence/loss.ts';
import { type DropRemedy, type DropRow, type DropRows, onHost } from './drop-row.ts';

const ingress: readonly DropRemedy[] = [
  onHost(
    'tc -s filter show dev {device} ingress',
    'Shows the filters at its ingress, policers and BPF programs too, and what each dropped.',
  ),
  onHost(
    'tc -s qdisc show dev {device}',
    'Shows clsact or ingress with its drops. bpftool net show dev {device} names BPF programs (tcx).',
  ),
];

/** On the way from a device, the drop is at another one. */
const brokenFilter = (fault: string): readonly DropRow[] => [
  {
    class: 'loss',
    cause: `a tc filter is set up wrongly: ${fault}`,
    remedies: [
      onHost(
        'tc -s filter show dev {device} ingress',
        'Shows the filters and the chains that they go to; those of egress likewise.',
      ),
    ],
  },
];

const show: DropRemedy = onHost(
  'tc -s qdisc show dev {device}',
  'Shows rate and limit, and which qdisc of several drops.',
);
const showAll: DropRemedy = onHost('tc -s qdisc show', 'Shows the qdiscs of all devices, and which one drops.');

/** The same fault, in the device's own qdisc or in that of the device by which its packets leave. */
function inQdisc(kind: DropRow['class'], cause: string, ...own: readonly DropRemedy[]): readonly DropRow[] {
  return [
    { class: kind, cause: `its qdisc ${cause}`, way: 'to', remedies: [show, ...own] },
    { class: kind, cause: `the qdisc of the device by which they leave ${cause}`, way: 'from', remedies: [showAll] },
  ];
}

/** A queue management that works drops up to a packet in fifty. */
function managed(cause: string): readonly DropRow[] {
  return inQdisc('noise', cause).map((row) => ({ ...row, bulk: MANAGED_SHARE }));
}

const carriers: DropRemedy = onHost(
  'ip -br link show',
  'Shows the devices that are up without a carrier (NO-CARRIER).',
);

/** A device without a carrier has the qdisc noop, which drops all. */
const generic: readonly DropRow[] = inQdisc(
  'policed',
  'drops them: it is full, its rate too low, or its filter refuses them',
).map((row) =>
  row.way === 'to'
    ? row
    : {
        ...row,
        cause: 'the device by which they leave has no carrier, or its qdisc is full, too slow, or refuses them',
        remedies: [showAll, carriers],
      },
);
const overLimit = inQdisc('policed', 'is full: its limit or its rate is too small');
const congested = managed('drops them to keep the delay short (queue management)');
const flood = inQdisc('policed', 'takes their flow for a flood that does not slow down (cake)');
const band = inQdisc(
  'policed',
  'has no room for more of their priority (band limit)',
  onHost(
    'tc qdisc change dev {device} root fq limit 20000',
    'If it is fq: room for 20 000 packets of each priority (10 000 by default).',
  ),
);
const horizon = inQdisc('loss', 'is told to send them too far in the future (fq’s horizon)');
const flow = inQdisc(
  'policed',
  'has too many packets of the same flow waiting (flow limit)',
  onHost(
    'tc qdisc change dev {device} root fq flow_limit 1000',
    'If it is fq: room for 1000 packets of each flow (100 by default). Of sfq it is called depth.',
  ),
);
const flows = inQdisc(
  'policed',
  'has no place for another flow (sfq)',
  onHost(
    'tc qdisc replace dev {device} root fq_codel',
    'Instead of sfq: takes any number of flows; what waits is lost.',
  ),
);
const burst = inQdisc(
  'loss',
  'got more packets at once than net.core.qdisc_max_burst allows',
  onHost(
    'sysctl -w net.core.qdisc_max_burst=10000',
    'Takes that many packets that several CPUs send at once (1000 by default).',
  ),
);
const step = managed('drops them to keep delay short, for they cannot be marked (dualpi2)');

/** Reasons of the kernel's qdiscs, of all versions. */
export const QDISC_ROWS: DropRows = {
  QDISC_DROP: generic,
  QDISC_GENERIC: generic,
  QDISC_OVERLIMIT: overLimit,
  QDISC_CONGESTED: congested,
  QDISC_MAXFLOWS: flows,
  QDISC_FLOOD_PROTECTION: flood,
  CAKE_FLOOD: flood,
  QDISC_BAND_LIMIT: band,
  FQ_BAND_LIMIT: band,
  QDISC_HORIZON_LIMIT: horizon,
  FQ_HORIZON_LIMIT: horizon,
  QDISC_FLOW_LIMIT: flow,
  FQ_FLOW_LIMIT: flow,
  QDISC_BURST_DROP: burst,
  QDISC_L4S_STEP_NON_ECN: step,
  DUALPI2_STEP_DROP: step,
};

export const FILTER_ROWS: DropRows = {
  TC_INGRESS: [
    {
      class: 'policed',
      cause: 'a tc filter or policer at the device’s ingress drops them',
      way: 'from',
      remedies: ingress,
    },
    {
      class: 'policed',
      cause: 'a tc filter or policer at the ingress of the device by which they came drops them',
      remedies: [showAll],
    },
  ],
  TC_EGRESS: [
    {
      class: 'policed',
      cause: 'a tc filter or BPF program at its egress drops them',
      way: 'to',
      remedies: [
        onHost(
          'tc -s filter show dev {device} egress',
          'Shows the filters and BPF programs in front of the device, and what each dropped.',
        ),
        onHost('bpftool net show dev {device}', 'Shows BPF programs that tc does not (tcx).'),
      ],
    },
    {
      class: 'policed',
      cause: 'a tc filter or BPF program at the egress of the device by which they leave drops them',
      remedies: [showAll, onHost('bpftool net show', 'Shows the BPF programs of all devices.')],
    },
  ],
  TC_COOKIE_ERROR: brokenFilter('what one action left for the next is missing'),
  TC_CHAIN_NOTFOUND: brokenFilter('it goes to a chain that does not exist'),
  TC_RECLASSIFY_LOOP: brokenFilter('its filters send packets round in a circle'),
};

// SPDX-License-Identifier: Apache-2.0
// tc filters that send packets of one device to another (act_mirred), and those that may end packets without a drop, by rtnetlink.
import { netlinkRequest } from './native.ts';
import { type Attributes, filteredDumpRequest, messagesOf, nested, text, u32, u64 } from './netlink-message.ts';

export interface Mirred {
  /** Of the device whose packets are taken, and where they go. */
  readonly from: number;
  readonly to: number;
  readonly hook: 'ingress' | 'egress';
  /** The packet goes on where it was, and a copy is sent. */
  readonly isCopy: boolean;
  /** Packets that met the action, and those of them that could not be sent: the other device was down or had no carrier. */
  readonly packets: number;
  readonly failed: number;
}

/** A place of a device where filters may hang. */
export interface FilterPlace {
  readonly ifindex: number;
  readonly parent: number;
}

// linux/pkt_sched.h, linux/pkt_cls.h, linux/tc_act/tc_mirred.h, linux/gen_stats.h: stable ABI
const RTM_NEWTFILTER = 44;
const RTM_GETTFILTER = 46;
const TCMSG_SIZE = 20;
const INGRESS = 0xffff0000;
const CLSACT_INGRESS = 0xfffffff2;
const CLSACT_EGRESS = 0xfffffff3;
const TCA_KIND = 1;
const TCA_OPTIONS = 2;
const TCA_ACT_KIND = 1;
const TCA_ACT_OPTIONS = 2;
const TCA_ACT_STATS = 4;
const TCA_MIRRED_PARMS = 2;
const TCA_STATS_BASIC = 1;
const TCA_STATS_QUEUE = 3;
const TCA_STATS_PKT64 = 8;
const TCA_EGRESS_MIRROR = 2;
const TCA_INGRESS_MIRROR = 4;
/** struct tc_mirred: five words of tc_gen, then what to do and the device. */
const EACTION = 20;
const TCA_GACT_PARMS = 2;
/** struct tc_gact: its action is the third word. */
const GACT_ACTION = 8;
/** TC_ACT_STOLEN, TC_ACT_QUEUED and TC_ACT_TRAP: the packet ends, and the kernel frees it as used. */
const SILENT_ACTIONS: readonly number[] = [4, 5, 8];
const IFINDEX = 24;
/** The attribute of the actions, by the kind of the filter. */
const ACTIONS: Readonly<Record<string, number>> = {
  basic: 3,
  bpf: 1,
  cgroup: 1,
  flow: 9,
  flower: 3,
  fw: 4,
  matchall: 2,
  route: 6,
  u32: 7,
};
/** Qdiscs whose root may have filters with actions. */
const CLASSFUL: readonly string[] = ['drr', 'ets', 'hfsc', 'htb', 'multiq', 'prio', 'qfq'];

/** Where filters may hang below a qdisc. */
export function filterPlaces(qdisc: { kind: string; ifindex: number; handle: number }): readonly FilterPlace[] {
  const { kind, ifindex, handle } = qdisc;
  const at = (...parents: readonly number[]): readonly FilterPlace[] => parents.map((parent) => ({ ifindex, parent }));
  if (kind === 'clsact') return at(CLSACT_INGRESS, CLSACT_EGRESS);
  if (kind === 'ingress') return at(INGRESS);
  return CLASSFUL.includes(kind) ? at(handle) : [];
}

export interface Filters {
  readonly mirred: readonly Mirred[];
  /** One of them is a BPF program, which may do anything with a packet, or has an action that takes packets. */
  readonly ends: 'program' | 'action' | undefined;
}

export async function readFilters(
  netnsPath: string | undefined,
  { ifindex, parent }: FilterPlace,
  mostBytes: number,
): Promise<Filters> {
  const request = filteredDumpRequest(RTM_GETTFILTER, TCMSG_SIZE, { 4: ifindex, 12: parent });
  const reply = await netlinkRequest(netnsPath, request, mostBytes);
  // Filters of a shared block name the block, not the device.
  const mirred = parseMirred(reply).map((one) => ({ ...one, from: ifindex, hook: hookOf({ parent }) }));
  return { mirred, ends: endsIn(reply) };
}

export function hookOf({ parent }: Pick<FilterPlace, 'parent'>): Mirred['hook'] {
  return parent === INGRESS || parent === CLSACT_INGRESS ? 'ingress' : 'egress';
}

export function endsIn(reply: Uint8Array): Filters['ends'] {
  const filters = messagesOf(reply, RTM_NEWTFILTER, TCMSG_SIZE);
  const actions = filters.flatMap(({ attributes }) => actionsOf(attributes));
  const runsProgram =
    filters.some(({ attributes }) => text(attributes.get(TCA_KIND)) === 'bpf' && attributes.has(TCA_OPTIONS)) ||
    actions.some((action) => text(action.get(TCA_ACT_KIND)) === 'bpf');
  if (runsProgram) return 'program';
  return actions.some(takesPackets) ? 'action' : undefined;
}

function takesPackets(action: Attributes): boolean {
  const parms = nested(action.get(TCA_ACT_OPTIONS)).get(TCA_GACT_PARMS);
  return (
    text(action.get(TCA_ACT_KIND)) === 'gact' && parms !== undefined && SILENT_ACTIONS.includes(u32(parms, GACT_ACTION))
  );
}

/** Numbered by their order. */
function actionsOf(filter: Attributes): readonly Attributes[] {
  const list = ACTIONS[text(filter.get(TCA_KIND)) ?? ''];
  const actions = list === undefined ? undefined : nested(filter.get(TCA_OPTIONS)).get(list);
  return [...nested(actions).values()].map(nested);
}

export function parseMirred(reply: Uint8Array): readonly Omit<Mirred, 'from' | 'hook'>[] {
  return messagesOf(reply, RTM_NEWTFILTER, TCMSG_SIZE).flatMap(({ attributes }) =>
    actionsOf(attributes).flatMap(mirredOf),
  );
}

function mirredOf(action: Attributes): readonly Omit<Mirred, 'from' | 'hook'>[] {
  const parms = nested(action.get(TCA_ACT_OPTIONS)).get(TCA_MIRRED_PARMS);
  if (text(action.get(TCA_ACT_KIND)) !== 'mirred' || !parms) return [];
  const stats = nested(action.get(TCA_ACT_STATS));
  const [basic, packets, queue] = [stats.get(TCA_STATS_BASIC), stats.get(TCA_STATS_PKT64), stats.get(TCA_STATS_QUEUE)];
  const eaction = u32(parms, EACTION);
  return [
    {
      to: u32(parms, IFINDEX),
      isCopy: eaction === TCA_EGRESS_MIRROR || eaction === TCA_INGRESS_MIRROR,
      packets: packets ? u64(packets, 0) : basic ? u32(basic, 8) : 0,
      // The action counts a failure as an overlimit.
      failed: queue ? u32(queue, 16) : 0,
    },
  ];
}

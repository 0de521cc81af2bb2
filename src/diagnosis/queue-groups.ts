// SPDX-License-Identifier: Apache-2.0
// For people: the queues of one device that have one fault, one reader and one remedy are one finding.
import type { SnapshotOutline } from '../snapshot/outline.ts';
import type { Figures, Finding } from './finding.ts';
import { count, losesInstead } from './format.ts';

/** How a rule begins that tells of the packets of one queue: 'vnet0 queue 1 (VM web1) lost 9 of 40 packets'. */
const LOST = /^(\S+) queue \d+( \([^)]*\))? (lost|had) (?<lost>[\d ]+) of (?<offered>[\d ]+) (packets|frames)/;
/** Of a queue that has lost none yet. */
const UNREAD = /^(\S+) queue \d+( \([^)]*\))? is not read/;

/** In the order of the first of each group. Programs get them one by one. */
export function queuesTogether<One extends Finding>(
  findings: readonly One[],
  { devices }: Pick<SnapshotOutline, 'devices'>,
): readonly One[] {
  const groups = new Map<unknown, One[]>();
  for (const finding of findings) {
    const key = isOfQueue(finding) ? keyOf(finding, devices) : finding;
    groups.set(key, [...(groups.get(key) ?? []), finding]);
  }
  return [...groups.values()].flatMap((group) => {
    const [first, ...others] = group;
    return first && others.length > 0 ? [together(first, group)] : group;
  });
}

function isOfQueue({ queue, cause, figures }: Finding): boolean {
  return queue !== undefined && (UNREAD.test(cause) || (figures?.lost !== undefined && LOST.test(cause)));
}

function keyOf(
  { rule, severity, netns, device, queue, remedies: [best] }: Finding,
  devices: SnapshotOutline['devices'],
): string {
  const seen = devices.find((one) => one.name === device && one.netns === netns);
  const owner = seen?.queues.find(({ index }) => index === queue)?.owner?.pid;
  return JSON.stringify([rule, severity, netns, device, owner, best?.command, best?.effect]);
}

/** Evidence and remedies are those of the first, the worst of them. */
function together<One extends Finding>(first: One, group: readonly One[]): One {
  const queues = group.flatMap(({ queue }) => queue ?? []).sort((a, b) => a - b);
  const figures = sums(group.flatMap((one) => one.figures ?? []));
  // Those that the rule tells of, which need not be all that the queue lost.
  const [lost, offered] = [packetsIn(group, 'lost'), packetsIn(group, 'offered')];
  const which = namesOf(queues);
  return {
    ...first,
    queue: undefined,
    cause: first.cause
      .replace(
        LOST,
        (_, device: string, guest = '', verb: string, _lost, _offered, what: string) =>
          `${device} ${which}${guest} ${verb} ${count(lost)} of ${count(offered)} ${what}`,
      )
      .replace(UNREAD, (_, device: string, guest = '') => `${device} ${which}${guest} are not read`),
    ...(first.brief !== undefined && {
      brief: losesInstead(first.brief, { share: lost / offered, perSecond: lost / figures.seconds }),
    }),
    evidence: [`the same of each of these ${queues.length} queues; of queue ${first.queue}:`, ...first.evidence],
    degraded: [...new Set(group.flatMap(({ degraded }) => degraded))],
    figures,
    ...(group.some(({ explains }) => explains !== undefined) && {
      explains: group.reduce((sum, one) => sum + (one.explains ?? 0), 0),
    }),
  };
}

function packetsIn(group: readonly Finding[], which: 'lost' | 'offered'): number {
  return group.reduce((sum, { cause }) => sum + Number(LOST.exec(cause)?.groups?.[which]?.replaceAll(' ', '') ?? 0), 0);
}

/** 'queues 0 and 1', 'queues 0 to 7', 'queues 0, 2 and 5 more' */
function namesOf(queues: readonly number[]): string {
  const [first = 0, second = 0, ...others] = queues;
  const last = queues.at(-1) ?? 0;
  if (queues.length === 2) return `queues ${first} and ${second}`;
  if (last - first === queues.length - 1) return `queues ${first} to ${last}`;
  return `queues ${first}, ${second} and ${others.length} more`;
}

function sums(all: readonly Figures[]): Figures {
  const sum = (of: (one: Figures) => number | undefined): number =>
    all.reduce((total, one) => total + (of(one) ?? 0), 0);
  const [lost, offered] = [sum((one) => one.lost), sum((one) => one.offered)];
  return {
    seconds: all[0]?.seconds ?? 0,
    offered,
    lost,
    share: offered > 0 ? lost / offered : 0,
    // Of the whole device in each of them.
    lostBefore: all[0]?.lostBefore,
    occupancy: sum((one) => one.occupancy),
    capacity: sum((one) => one.capacity),
  };
}

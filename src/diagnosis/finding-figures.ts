// SPDX-License-Identifier: Apache-2.0
// The figures of a finding as numbers, for its JSON: its sentences are for people.
import { droppedPackets } from '../snapshot/queue.ts';
import type { Figures, Finding } from './finding.ts';
import { type DeviceSpan, grown, type Window } from './window.ts';

/** Each finding with the figures of its queue or device; one about the agent itself has none. */
export function withFigures(findings: readonly Finding[], { devices }: Window): readonly Finding[] {
  if (findings.length === 0) return findings;
  const byName = new Map(devices.map((span) => [`${span.now.netns} ${span.now.name}`, span]));
  return findings.map((finding) => {
    const span = byName.get(`${finding.netns} ${finding.device}`);
    return span ? { ...finding, figures: figuresOf(span, finding.queue) } : finding;
  });
}

function figuresOf(span: DeviceSpan, index: number | undefined): Figures {
  const queues = span.queues.filter(({ now }) => index === undefined || now.index === index);
  const offered = sumOf(queues.map((queue) => grown(queue, ({ counters }) => counters?.offered)));
  const lost = sumOf(queues.map((queue) => grown(queue, ({ counters }) => counters && droppedPackets(counters))));
  return {
    seconds: span.seconds,
    offered,
    lost,
    share: offered === undefined || lost === undefined ? undefined : offered > 0 ? lost / offered : 0,
    lostBefore: grown(span, ({ otherDropped }) => otherDropped?.reduce((sum, { packets }) => sum + packets, 0)),
    occupancy: sumOf(queues.map(({ now }) => now.ring?.occupancy)),
    capacity: sumOf(queues.map(({ now }) => now.ring?.capacity)),
  };
}

/** undefined: there is none, or one of them is not measured. */
function sumOf(values: readonly (number | undefined)[]): number | undefined {
  return values.reduce(
    (sum, value) => (sum === undefined || value === undefined ? undefined : sum + value),
    values.length > 0 ? 0 : undefined,
  );
}

// SPDX-License-Identifier: Apache-2.0
// Whether the writes of its own program steer all flows to a queue: what tun's flow table says, while somebody asks.
import type { QueueSpan } from '../window.ts';

export interface Steering {
  /** Flows that the program wrote within the last three seconds. */
  readonly flows: number;
  /** Those of them whose answers go to this queue. */
  readonly here: number;
}

/** A hash puts few flows into one queue by chance: eight of eight into one of two once in 128 times. */
const FEWEST_FLOWS = 8;
const NEARLY_ALL = 0.8;

/** Its program's writes steer nearly all flows to this queue; undefined: they do not, or it is not known. */
export function steeringOf(queue: QueueSpan): Steering | undefined {
  const table = tableOf(queue);
  return table && table.flows >= FEWEST_FLOWS && table.here >= NEARLY_ALL * table.flows ? table : undefined;
}

/** There are so few that one queue may have them by chance, and this one has all of them; undefined: else, or it is not known. */
export function fewFlowsOf(queue: QueueSpan): Steering | undefined {
  const table = tableOf(queue);
  return table && table.flows > 0 && table.flows < FEWEST_FLOWS && table.here === table.flows ? table : undefined;
}

/** undefined: nobody asks, or a BPF program of its owner chooses the queue. */
function tableOf({ device, now }: QueueSpan): Steering | undefined {
  const last = device.steps.findLast(({ programSide }) => programSide?.flowTable)?.programSide?.flowTable;
  return last && !last.isSteered ? { flows: last.flows, here: last.flowsOfQueues[now.index] ?? 0 } : undefined;
}

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

/** undefined: they do not, or it is not known. */
export function steeringOf({ device, now }: QueueSpan): Steering | undefined {
  const last = device.steps.findLast(({ programSide }) => programSide?.flowTable)?.programSide?.flowTable;
  if (!last || last.isSteered) return undefined;
  const here = last.flowsOfQueues[now.index] ?? 0;
  return last.flows >= FEWEST_FLOWS && here >= NEARLY_ALL * last.flows ? { flows: last.flows, here } : undefined;
}

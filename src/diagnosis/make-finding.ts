// SPDX-License-Identifier: Apache-2.0
// A finding about a queue or a device, with what the snapshot says of its figures.
import { doubtsOf } from './evidence/split.ts';
import type { Diagnosis } from './finding.ts';
import { marked } from './remedies/inspects.ts';
import type { DeviceSpan, QueueSpan } from './window.ts';

type Said = Omit<Diagnosis, 'netns' | 'device' | 'queue' | 'degraded' | 'evidence'> & {
  /** Lines that do not apply are undefined. */
  readonly evidence: readonly (string | undefined)[];
};

const MOST_EVIDENCE = 5;

export function onQueue({ device, now }: QueueSpan, said: Said): Diagnosis {
  return { ...onDevice(device, said), queue: now.index, degraded: doubtsOf(device, now) };
}

export function onDevice({ now }: DeviceSpan, said: Said): Diagnosis {
  return {
    ...said,
    remedies: marked(said.remedies),
    evidence: said.evidence.flatMap((line) => line ?? []).slice(0, MOST_EVIDENCE),
    netns: now.netns,
    device: now.name,
    queue: undefined,
    degraded: now.degraded,
  };
}

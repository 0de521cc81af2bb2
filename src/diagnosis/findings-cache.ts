// SPDX-License-Identifier: Apache-2.0
// Devices that need no judgement: nothing of them changed for a whole window, and no rule said anything of them then. A device that
// does not change is one object in all snapshots (src/history/history.ts), so that looking at it costs one comparison.
import type { Device } from '../snapshot/device.ts';
import { LONG_STALL_SECONDS } from './evidence/stall.ts';
import type { Finding } from './finding.ts';
import type { DeviceSpan, Window } from './window.ts';

export class FindingsCache {
  #quiet = new WeakSet<Device>();
  #agent: Window['agent'] | undefined;
  #measuredBy = '';

  /** The devices that have to be judged. */
  lively({ devices, agent }: Window): readonly DeviceSpan[] {
    const isSame = agent.level === this.#agent?.level && agent.probes === this.#agent.probes;
    this.#agent = agent;
    const measuredBy = isSame ? this.#measuredBy : measuredByOf(agent);
    if (measuredBy !== this.#measuredBy) this.#quiet = new WeakSet();
    this.#measuredBy = measuredBy;
    return devices.filter((device) => !(isUnchanged(device) && this.#quiet.has(device.now)));
  }

  /** `judged` were, and this is all that was found. */
  remember(judged: readonly DeviceSpan[], findings: readonly Finding[]): void {
    const found = new Set(findings.map(({ netns, device }) => `${netns} ${device}`));
    for (const device of judged) {
      const { netns, name } = device.now;
      // The longest that a rule waits for; in a shorter window it may find nothing yet.
      const isWhole = device.seconds >= LONG_STALL_SECONDS;
      if (isWhole && isUnchanged(device) && isExact(device.now) && !found.has(`${netns} ${name}`))
        this.#quiet.add(device.now);
    }
  }
}

function measuredByOf({ level, probes }: Window['agent']): string {
  return `${level} ${probes.map(({ event, attached }) => (attached ? event : '')).join(' ')}`;
}

/** A finding about the agent may tell of many devices that are not, without their names. */
function isExact({ degraded, queues }: Device): boolean {
  return degraded.length === 0 && queues.every((queue) => queue.degraded.length === 0);
}

/** One object: it never changed meanwhile and back, for then it would be another. */
function isUnchanged({ before, now }: DeviceSpan): boolean {
  return before === now;
}

// SPDX-License-Identifier: Apache-2.0
// Watches a host for some seconds, for commands.
import { setTimeout as wait } from 'node:timers/promises';
import type { Scope } from '../diagnosis/scope.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import type { Silence } from './agent-silence.ts';
import type { Wish } from './ask-agent.ts';
import { refuseWithoutRights } from './rights.ts';
import { openSource } from './snapshot-source.ts';

interface HostWatch {
  readonly seconds: number;
  readonly socket: string;
  /** The values of --mechanism. */
  readonly mechanisms: readonly string[];
  /** Cuts the time short. */
  readonly signal: AbortSignal;
  /** Gets a snapshot each second, the last when the time is over. */
  readonly keep: (snapshot: Snapshot) => unknown;
  /** Told when the first snapshot is kept, and all that measures counts: the seconds begin now. */
  readonly begun?: () => unknown;
  /** Told of each second that the agent gave nothing for. */
  readonly missed?: () => unknown;
  /** Asked when the time is over: for how many seconds more it watches. */
  readonly longer?: () => number;
  /** Gets what was seen first, with owners; what it throws ends the watch at once. */
  readonly check?: (snapshot: Snapshot) => unknown;
  /** The agent was asked already, and is silent. */
  readonly silence?: Silence | undefined;
  readonly wish?: Wish | undefined;
  /** The devices that it is about: an agent is asked for no others. Absent: all. */
  readonly scope?: Scope | undefined;
  /** An agent of this version took it just now. */
  readonly first?: Snapshot | undefined;
}

/** The snapshot of a second that has just begun is as good as another beside it. */
const JUST_NOW_SECONDS = 0.1;

/** Answers why not the agent looked, although one runs. Throws SilentAgent where it fell silent meanwhile. */
export async function watchHost({
  seconds,
  socket,
  mechanisms,
  signal,
  keep,
  begun,
  missed,
  longer,
  check,
  silence,
  wish = 'question',
  scope,
  first: given,
}: HostWatch): Promise<Silence | undefined> {
  const source = await openSource({ socket, mechanisms, budget: undefined, silence, wish, scope, first: given });
  let isOver = false;
  let kept: Snapshot | undefined;
  let first: Snapshot | undefined;
  const keepIt = (snapshot: Snapshot): void => {
    kept = snapshot;
    first ??= snapshot;
    keep(snapshot);
  };
  /** Else a host of many devices would be looked at twice at the end. Who cuts the time short wants all until then. */
  const isEnough = (): boolean =>
    !source.isAgent &&
    wish !== 'question' &&
    !signal.aborted &&
    kept !== undefined &&
    Date.now() / 1000 - kept.takenAt < JUST_NOW_SECONDS;
  try {
    if (!source.isAgent) refuseWithoutRights();
    await source.start((snapshot) => isOver || keepIt(snapshot), missed);
    // An agent knows owners already: another of its snapshots takes a second where no CPU is free.
    check?.(source.isAgent && first ? first : await source.take());
    begun?.();
    const watch = async (forSeconds: number): Promise<void> => {
      await wait(forSeconds * 1000, undefined, { signal }).catch(() => undefined);
      isOver = true;
      if (!isEnough()) keep(await source.take());
    };
    await watch(seconds);
    const more = longer?.() ?? 0;
    if (more > 0) await watch(more);
    return source.silence;
  } finally {
    source.close();
  }
}

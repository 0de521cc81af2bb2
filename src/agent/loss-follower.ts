// SPDX-License-Identifier: Apache-2.0
// Follows losses from the attachment of its program to the summary.
import { setTimeout as wait } from 'node:timers/promises';
import { Follow } from '../losses/follow.ts';
import type { FollowOptions } from '../losses/follow-object.ts';
import { LossAccounting, type LossSample, type LossSecond, type WantedLosses } from '../losses/loss-accounting.ts';
import { FollowedSubjects } from '../losses/subjects.ts';
import type { Ended } from '../snapshot/deleted-devices.ts';
import type { Device } from '../snapshot/device.ts';
import type { LossPacket, LossStack, LossSummary } from '../snapshot/losses.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import { EVENTS } from '../subjects/list.ts';
import { Agent } from './agent.ts';

/** All that is asked of the agent's programs: where devices are, who holds them, which have ended, and what the host frees of their packets. Nothing is attached to any packet that arrives. */
const NEEDED = ['devices', 'last-counters', 'owners', 'freed', 'before'];
const ATTEMPTS = 10;
const ATTEMPT_MS = 50;

/** The devices that are followed. */
export interface Followed {
  /** Only some devices of the host are followed. */
  readonly narrow: boolean;
  /** Throws one sentence if there are none, and that is a mistake. */
  readonly first: (snapshot: Snapshot) => readonly Device[];
  readonly later: (snapshot: Snapshot) => readonly Device[];
  /** The only queue of them; undefined: all. */
  readonly queue: (snapshot: Snapshot) => number | undefined;
}

export class LossFollower {
  readonly #followed: Followed;
  readonly #agent: Agent;
  readonly #follow: Follow;
  readonly #subjects: FollowedSubjects;
  readonly #accounts: LossAccounting;
  /** Seen at the last sample, and missed at it for the first time. */
  #present: ReadonlySet<string> = new Set();
  #missed: ReadonlySet<string> = new Set();
  #ended: Ended | undefined;
  /** Where only some devices are followed. */
  readonly #everFollowed = new Set<string>();
  readonly #started = { ms: performance.now(), cpu: process.cpuUsage() };
  /** Seconds to add to CLOCK_MONOTONIC to get the wall clock. */
  readonly #clockOffset = Date.now() / 1000 - Number(process.hrtime.bigint()) / 1e9;
  /** Packets that were printed one by one; undefined: only totals are printed. */
  #printed: number | undefined;

  private constructor(
    followed: Followed,
    agent: Agent,
    follow: Follow,
    subjects: FollowedSubjects,
    accounts: LossAccounting,
  ) {
    this.#followed = followed;
    this.#agent = agent;
    this.#follow = follow;
    this.#subjects = subjects;
    this.#accounts = accounts;
  }

  /** Throws one sentence where there is nothing to be followed, or this host does not let us. */
  static async start(
    followed: Followed,
    { isLoss, ...options }: Omit<FollowOptions, 'chosenOnly' | 'mechanism'> & Pick<WantedLosses, 'isLoss'>,
    mechanisms: ReadonlyMap<string, string>,
  ): Promise<LossFollower> {
    const off = EVENTS.filter(({ name }) => !NEEDED.includes(name)).map(({ name }) => [name, 'off'] as const);
    const agent = new Agent(
      { forced: new Map([...mechanisms, ...off]), pin: false },
      { filter: all, perCpu: false, budget: undefined },
    );
    let follow: Follow | undefined;
    try {
      const there = await sampleNow(agent);
      const chosen = followed.first(there);
      follow = new Follow({ ...options, chosenOnly: followed.narrow, mechanism: mechanisms.get('freed') });
      const subjects = new FollowedSubjects(follow);
      subjects.see(there);
      if (followed.narrow) choose(follow, chosen);
      const counts = subjects.counts();
      const snapshot = await agent.take();
      const first = { counts, ...devicesOf(snapshot, followed.later(snapshot)) };
      const accounts = new LossAccounting(
        subjects,
        { reason: options.reason, queue: followed.queue(there), isLoss },
        first,
      );
      return new LossFollower(followed, agent, follow, subjects, accounts);
    } catch (error) {
      follow?.close();
      agent.close();
      throw error;
    }
  }

  /** Single packets since the last call, and stacks of those that were the first of their kind. */
  take(): { readonly packets: readonly LossPacket[]; readonly stacks: readonly LossStack[] } {
    const packets: LossPacket[] = [];
    const stacks: LossStack[] = [];
    for (const record of this.#follow.take()) {
      const subject = this.#subjects.ofKey(record.key);
      // The kernel chooses packets by reason, and not stacks, nor where no reason is known (UNTRACED).
      if (!subject || !this.#accounts.isWanted(subject)) continue;
      if (record.kind === 'stack') stacks.push({ ...subject, frames: this.#framesOf(record.frames, subject.location) });
      else {
        const { bytes, flow, atNs } = record;
        packets.push({ ...subject, at: this.#clockOffset + Number(atNs) / 1e9, bytes, flow });
      }
    }
    return { packets, stacks };
  }

  /** Counts the packets from take() that were printed. */
  printed(packets: number): void {
    this.#printed = (this.#printed ?? 0) + packets;
  }

  /** The losses since the last call. */
  async second(): Promise<LossSecond> {
    const snapshot = await this.#agent.take();
    const second = this.#sample(snapshot);
    this.#forgetGone(snapshot);
    this.#follow.refresh();
    this.#agent.ask();
    await this.#agent.refresh();
    return second;
  }

  /** The losses since the last call of second(). Nothing is counted from then on, and take() gives what is left. */
  async end(): Promise<LossSecond> {
    // The snapshot comes before the program is detached: the device goes on counting.
    const snapshot = await this.#agent.take();
    this.#follow.detach();
    return this.#sample(snapshot);
  }

  summary(): LossSummary {
    const seconds = (performance.now() - this.#started.ms) / 1000;
    const { user, system } = process.cpuUsage(this.#started.cpu);
    const summary = this.#accounts.summary(
      this.#printed,
      seconds,
      (user + system) / 1e6 / seconds,
      this.#follow.gaps(),
    );
    return { ...summary, ended: this.#endedNow() };
  }

  /** Where only some devices are followed: those of them that are among the last of the host. */
  #endedNow(): LossSummary['ended'] {
    if (!this.#ended) return { devices: 0, latest: [] };
    const { seen, unseen } = this.#ended;
    const latest = this.#ended.latest.map((one) => ({ ...one, namespace: this.#subjects.namespaceOf(one.netns) }));
    if (!this.#followed.narrow) return { devices: seen + unseen, latest };
    const own = latest.filter(({ id }) => this.#everFollowed.has(id));
    return { devices: own.length, latest: own };
  }

  close(): void {
    this.#follow.close();
    this.#agent.close();
  }

  #sample(snapshot: Snapshot): LossSecond {
    const devices = this.#followed.later(snapshot);
    if (this.#followed.narrow) choose(this.#follow, devices);
    this.#ended = snapshot.agent.ended;
    for (const { id } of this.#followed.narrow ? devices : []) this.#everFollowed.add(id);
    this.#subjects.see(snapshot);
    return this.#accounts.sample({ counts: this.#subjects.counts(), ...devicesOf(snapshot, devices) });
  }

  /** Forgets devices that are missing for the second time: what they lost at the end is told by now. */
  #forgetGone(snapshot: Snapshot): void {
    const present = idsOf(snapshot);
    const gone = new Set([...this.#missed].filter((id) => !present.has(id)));
    this.#follow.forget(gone);
    this.#accounts.forget(gone);
    this.#missed = new Set([...this.#present].filter((id) => !present.has(id)));
    this.#present = present;
  }

  /** Above the function that freed the packet are those that tell us of it. */
  #framesOf(frames: readonly bigint[], location: string | undefined): readonly string[] {
    const names = frames.map((frame) => this.#follow.functionName(frame));
    return names.slice(Math.max(0, names.indexOf(location ?? '')));
  }
}

/** The sample names namespaces and owners, and shows whether programs can be loaded at all. */
async function sampleNow(agent: Agent): Promise<Snapshot> {
  const walk = agent.probes.choices().find(({ event }) => event.name === 'devices');
  if (walk?.mechanism?.name !== 'walk')
    throw new Error(`Losses cannot be followed: ${walk?.refused[0]?.reason ?? 'devices cannot be walked'}.`);
  await agent.take();
  agent.ask();
  for (let attempt = 0; ; attempt++) {
    await agent.refresh();
    const snapshot = await agent.take();
    const queues = snapshot.devices.flatMap((device) => device.queues);
    // Identities are read in the background, and may come later than a snapshot.
    if (attempt === ATTEMPTS || queues.every(({ owner }) => owner?.identity ?? !owner)) return snapshot;
    await wait(ATTEMPT_MS);
  }
}

function choose(follow: Follow, devices: readonly Device[]): void {
  follow.choose(new Set(devices.map(({ id }) => id)));
}

const all = (): boolean => true;

function devicesOf(snapshot: Snapshot, devices: readonly Device[]): Omit<LossSample, 'counts'> {
  return { devices, ids: idsOf(snapshot), namespaces: snapshot.agent.namespaceNames };
}

function idsOf({ devices }: Snapshot): ReadonlySet<string> {
  return new Set(devices.map(({ id }) => id));
}

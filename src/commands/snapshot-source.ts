// SPDX-License-Identifier: Apache-2.0
// Snapshots for commands: from the running agent, so that packets pay once, or from probes of their own.
import { Agent } from '../agent/agent.ts';
import { Sampler } from '../agent/sampler.ts';
import type { Scope } from '../diagnosis/scope.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import { EVENTS, parseForced } from '../subjects/list.ts';
import { type Silence, talkToAgent } from './agent-silence.ts';
import { askFirstSnapshot, askSnapshot, type Wish } from './ask-agent.ts';

export interface SourceOptions {
  /** Where an agent may listen. */
  readonly socket: string;
  /** The values of --mechanism; if there are any, the probes are our own. */
  readonly mechanisms: readonly string[];
  /** The budget for probes of our own, as a share of all CPUs. */
  readonly budget: number | undefined;
  /** The agent was asked already, and is silent. */
  readonly silence?: Silence | undefined;
  readonly wish?: Wish | undefined;
  /** What a running agent is asked about: others may be missing. Absent: all. */
  readonly scope?: Scope | undefined;
  /** An agent of this version took it just now. */
  readonly first?: Snapshot | undefined;
}

export interface SnapshotSource {
  readonly isAgent: boolean;
  /** Why it is not the agent although one runs; undefined: none runs, or it was not wanted. */
  readonly silence: Silence | undefined;
  /** Then `keep` gets a snapshot each second, the first before it resolves; `missed` is told of those that an agent did not give. */
  readonly start: (keep: (snapshot: Snapshot) => unknown, missed?: () => unknown) => Promise<void>;
  /** A fresh one; throws SilentAgent. */
  readonly take: () => Promise<Snapshot>;
  /** Takes back what an agent was asked: it may be frozen. */
  readonly close: () => void;
}

/** An agent that answered once and does so no more. */
export class SilentAgent extends Error {
  readonly silence: Silence;

  constructor(silence: Silence) {
    super(`${silence.words.slice(0, 1).toUpperCase()}${silence.words.slice(1)}.`);
    this.silence = silence;
  }
}

const PERIOD_MS = 1000;
/** The timeout for one answer. A busy host with a thousand queues takes two seconds. */
const PATIENCE_MS = 5000;
/** Events that cost no packet anything: the walk reads the kernel's own counters. */
const FREE = ['devices', 'owners', 'programs', 'readers'];
const WALK_ALONE = EVENTS.filter(({ name }) => !FREE.includes(name)).map(({ name }) => `${name}=off`);

/** Why a command sees less than the agent, which did not answer it. */
const BESIDE = 'the agent watches them, and did not answer';

export async function openSource(options: SourceOptions): Promise<SnapshotSource> {
  const { socket, mechanisms, wish, scope = {}, first } = options;
  if (mechanisms.length > 0) return ownSource(mechanisms, options);
  if (options.silence) {
    // The probes of an agent that is only slow still count: a second set would make each packet of a busy host pay twice.
    return ownSource(options.silence.halted ? [] : WALK_ALONE, options);
  }
  if (first) return agentSource(socket, first, wish, scope);
  const { said, silence } = await talkToAgent(socket, PATIENCE_MS, (limit) =>
    askFirstSnapshot(socket, limit, wish, scope),
  );
  return said ? agentSource(socket, said, wish, scope) : ownSource([], { ...options, silence });
}

function agentSource(socket: string, first: Snapshot, wish: Wish | undefined, scope: Scope): SnapshotSource {
  const closing = new AbortController();
  const take = async (): Promise<Snapshot> => {
    const { said, silence } = await talkToAgent(socket, PATIENCE_MS, (limit) =>
      askSnapshot(socket, AbortSignal.any([closing.signal, limit]), wish, scope),
    );
    if (!said) throw new SilentAgent(silence ?? { halted: false, words: 'the agent no longer answers' });
    return said;
  };
  let timer: NodeJS.Timeout | undefined;
  let isAsked = false;
  let newest = first.takenAt;
  const ask = async (keep: (snapshot: Snapshot) => unknown, missed?: () => unknown): Promise<void> => {
    if (isAsked) {
      missed?.();
      return;
    }
    isAsked = true;
    // Why one fails is told by the next that is asked for: the agent has ended.
    await take().then(
      (snapshot) => {
        // An agent without CPU gives the newest it has, which may be the one before.
        if (snapshot.takenAt > newest) keep(snapshot);
        else missed?.();
        newest = Math.max(newest, snapshot.takenAt);
      },
      () => missed?.(),
    );
    isAsked = false;
  };
  return {
    isAgent: true,
    silence: undefined,
    start: async (keep, missed) => {
      keep(first);
      timer = setInterval(() => void ask(keep, missed), PERIOD_MS);
    },
    take,
    close: () => {
      clearInterval(timer);
      closing.abort();
    },
  };
}

function ownSource(mechanisms: readonly string[], { budget, silence, wish }: SourceOptions): SnapshotSource {
  const agent = new Agent(
    { forced: parseForced(mechanisms), pin: true },
    { filter: () => true, perCpu: false, budget },
  );
  let sampler: Sampler | undefined;
  const seen = mechanisms === WALK_ALONE ? besideAgent() : (snapshot: Snapshot) => snapshot;
  const ask = (): void => {
    if (wish === 'question') agent.ask();
  };
  ask();
  return {
    isAgent: false,
    silence,
    start: (keep) => {
      sampler = new Sampler((snapshot) => {
        ask();
        keep(seen(snapshot));
      });
      return sampler.start(agent);
    },
    take: async () => {
      // What is read for questions alone is read once more, for the last snapshot shows what it did until now.
      if (wish === 'question') sampler?.ask();
      return seen(await (sampler?.take() ?? agent.take()));
    },
    close: () => {
      sampler?.stop();
      agent.close();
    },
  };
}

/** What these probes leave out is late and not unmeasured: the agent counts it. The same list as long as it was the same before. */
function besideAgent(): (snapshot: Snapshot) => Snapshot {
  let before: Snapshot['agent']['probes'] | undefined;
  let told: Snapshot['agent']['probes'] = [];
  return (snapshot) => {
    const { probes } = snapshot.agent;
    if (probes !== before)
      told = probes.map((probe) => (probe.attached ? probe : { ...probe, reason: `agent: ${BESIDE}` }));
    before = probes;
    return { ...snapshot, agent: { ...snapshot.agent, probes: told } };
  };
}

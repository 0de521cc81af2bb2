// SPDX-License-Identifier: Apache-2.0
// Where commands get snapshots from: the agent that runs, so that packets pay once; or probes of their own.
import { Agent } from '../inventory/agent.ts';
import { Sampler } from '../inventory/sampler.ts';
import { parseForced } from '../probes/events.ts';
import type { Snapshot } from '../snapshot.ts';
import { askAbout, askSnapshot } from './ask-agent.ts';

export interface SourceOptions {
  /** Where an agent may listen. */
  readonly socket: string;
  /** As --mechanism has them; with any, the probes are our own. */
  readonly mechanisms: readonly string[];
  /** Of probes of our own; share of all CPUs. */
  readonly budget: number | undefined;
}

export interface SnapshotSource {
  readonly isAgent: boolean;
  /** Then `keep` gets a snapshot each second, the first before it resolves; `missed` is told of those that an agent did not give. */
  readonly start: (keep: (snapshot: Snapshot) => unknown, missed?: () => unknown) => Promise<void>;
  /** A fresh one. */
  readonly take: () => Promise<Snapshot>;
  /** Takes back what an agent was asked: it may be frozen. */
  readonly close: () => void;
}

const PERIOD_MS = 1000;

export async function openSource(options: SourceOptions): Promise<SnapshotSource> {
  const { socket, mechanisms } = options;
  return mechanisms.length === 0 && (await askAbout(socket)) === 'same version'
    ? agentSource(socket)
    : ownSource(options);
}

function agentSource(socket: string): SnapshotSource {
  const closing = new AbortController();
  const take = (): Promise<Snapshot> => askSnapshot(socket, closing.signal);
  let timer: NodeJS.Timeout | undefined;
  return {
    isAgent: true,
    start: async (keep, missed) => {
      keep(await take());
      // Why one fails is told by the next that is asked for: the agent has ended.
      timer = setInterval(() => void take().then(keep, () => missed?.()), PERIOD_MS);
    },
    take,
    close: () => {
      clearInterval(timer);
      closing.abort();
    },
  };
}

function ownSource({ mechanisms, budget }: SourceOptions): SnapshotSource {
  const agent = new Agent(
    { forced: parseForced(mechanisms), pin: true },
    { filter: () => true, perCpu: false, budget },
  );
  let sampler: Sampler | undefined;
  return {
    isAgent: false,
    start: (keep) => {
      sampler = new Sampler((snapshot) => void keep(snapshot));
      return sampler.start(agent);
    },
    take: () => agent.take(),
    close: () => {
      sampler?.stop();
      agent.close();
    },
  };
}

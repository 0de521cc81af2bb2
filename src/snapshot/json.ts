// SPDX-License-Identifier: Apache-2.0
// Snapshots as JSON and back: Maps as lists of pairs; what is undefined is left out, which reads the same.
import type { AgentState, Snapshot } from './snapshot.ts';

export type SnapshotJson = Omit<Snapshot, 'agent'> & {
  readonly agent: Omit<AgentState, 'namespaceNames' | 'namespacePaths' | 'overhead'> & {
    readonly namespaceNames: Pairs<number, string>;
    readonly namespacePaths: Pairs<number, string> | undefined;
    readonly overhead: Pairs<string, number>;
  };
};

type Pairs<Key, Value> = readonly (readonly [Key, Value])[];

export function snapshotToJson({ takenAt, devices, agent }: Snapshot): SnapshotJson {
  const { namespaceNames, namespacePaths, overhead } = agent;
  return {
    takenAt,
    devices,
    agent: {
      ...agent,
      namespaceNames: [...namespaceNames],
      namespacePaths: namespacePaths && [...namespacePaths],
      overhead: [...overhead],
    },
  };
}

/** Throws if it is none. */
export function snapshotFromJson({ takenAt, devices, agent }: SnapshotJson): Snapshot {
  if (!Number.isFinite(takenAt) || !Array.isArray(devices) || !Array.isArray(agent?.namespaceNames))
    throw new Error('It is no snapshot.');
  const { namespaceNames, namespacePaths, overhead } = agent;
  return {
    takenAt,
    devices,
    agent: {
      ...agent,
      namespaceNames: new Map(namespaceNames),
      namespacePaths: namespacePaths && new Map(namespacePaths),
      overhead: new Map(overhead),
    },
  };
}

/** The snapshot as one line. `change` sees each text with its key and returns its replacement; '' drops a path. */
export function snapshotLine(
  snapshot: Snapshot,
  change: (key: string, text: string) => string = (_, text) => text,
): string {
  const { agent, ...rest } = snapshotToJson(snapshot);
  // A text in a pair has no key.
  const changed = (pairs: Pairs<number, string>, key: string): Pairs<number, string> =>
    pairs.map(([inode, text]) => [inode, change(key, text)]);
  const namespaceNames = changed(agent.namespaceNames, 'namespaceNames');
  const namespacePaths = changed(agent.namespacePaths ?? [], 'namespacePaths').filter(([, path]) => path !== '');
  return JSON.stringify({ ...rest, agent: { ...agent, namespaceNames, namespacePaths } }, (key, value: unknown) =>
    typeof value === 'string' ? change(key, value) : value,
  );
}

/** Throws if it is none. */
export function parseSnapshot(line: string): Snapshot {
  return snapshotFromJson(JSON.parse(line));
}

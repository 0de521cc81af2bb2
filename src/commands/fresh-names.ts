// SPDX-License-Identifier: Apache-2.0
// Names of namespaces that are younger than what the agent knows of them: `--netns blue` is asked for as soon as blue is there.
import { namespaceName, namespacePaths } from '../kernel/namespaces.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';

/** The same snapshot; where it has a device in a namespace without a name, with the names that this host has now. */
export async function freshlyNamed(snapshot: Snapshot): Promise<Snapshot> {
  const { agent, devices } = snapshot;
  if (devices.every(({ netns }) => netns === agent.netns || agent.namespaceNames.has(netns))) return snapshot;
  const paths = await namespacePaths();
  const names = new Map([...paths].map(([inode, path]) => [inode, namespaceName(path)]));
  return {
    ...snapshot,
    agent: {
      ...agent,
      namespaceNames: new Map([...names, ...agent.namespaceNames]),
      namespacePaths: new Map([...paths, ...(agent.namespacePaths ?? [])]),
    },
  };
}

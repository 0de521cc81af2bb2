// SPDX-License-Identifier: Apache-2.0
// Names of VMs, pods, containers, units and namespaces, and UUIDs, as what tells nothing of them but which are the same.

/** Keys of a snapshot under which such names stand. Devices and programs keep theirs: without them a finding cannot be followed. */
const PREFIXES: Readonly<Record<string, string>> = {
  vm: 'vm',
  uuid: 'uuid',
  pod: 'pod',
  podName: 'pod-name',
  tenant: 'tenant',
  container: 'container',
  unit: 'unit',
  namespaceNames: 'netns',
};

/** For snapshotLine(): vm-1, vm-2 in the order in which they are met, so that they differ from one recording to the next. */
export function pseudonyms(): (key: string, text: string) => string {
  const known = new Map<string, Map<string, string>>();
  return (key, text) => {
    if (key === 'namespacePaths') return ''; // of no use but to be typed, and that it would not do
    const prefix = PREFIXES[key];
    if (prefix === undefined || text === '') return text;
    const names = known.get(key) ?? new Map<string, string>();
    known.set(key, names);
    const name = names.get(text) ?? `${prefix}-${names.size + 1}`;
    names.set(text, name);
    return name;
  };
}

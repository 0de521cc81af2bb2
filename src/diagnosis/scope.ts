// SPDX-License-Identifier: Apache-2.0
// The devices that a question is about: by name, namespace, VM, pod or process.

import { typedName } from '../foreign-name.ts';
import type { Device } from '../snapshot/device.ts';
import type { Owner } from '../snapshot/owner.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import { fits, readingsOf } from './device-words.ts';
import type { Finding } from './finding.ts';

/** A device must fit every filter that is given. Names are compared whole. */
export interface Scope {
  /** As device-words.ts reads it. */
  readonly device?: string | undefined;
  /** Name or UUID. */
  readonly vm?: string | undefined;
  readonly pod?: string | undefined;
  /** Number, name or kind (qemu, openvpn, …) of the process that holds a queue. */
  readonly process?: string | undefined;
  /** Name or inode number. */
  readonly netns?: string | undefined;
}

/** The same snapshot with these devices only, which may be none. */
export function narrowed(snapshot: Snapshot, scope: Scope): Snapshot {
  return { ...snapshot, devices: asked(snapshot, scope).devices };
}

/**
 * The same for a command that asks about some devices: others of their names too, which tell whether a name is enough, and all where none
 * is meant, so that it can say what there is.
 */
export function aroundAsked(snapshot: Snapshot, scope: Scope): Snapshot {
  const names = new Set(isEverything(scope) ? [] : narrowed(snapshot, scope).devices.map(({ name }) => name));
  return names.size === 0 ? snapshot : { ...snapshot, devices: snapshot.devices.filter(({ name }) => names.has(name)) };
}

/** The one queue that was asked for; undefined: all of the devices. */
export function queueIn(snapshot: Snapshot, scope: Scope): number | undefined {
  return asked(snapshot, scope).queue;
}

interface Asked {
  readonly devices: readonly Device[];
  readonly queue: number | undefined;
}

/** By the most exact way to read the words by which there is a device. */
function asked({ agent, devices }: Snapshot, { device: words, ...others }: Scope): Asked {
  const nameOfSpace = ({ netns }: Device): string | undefined => agent.namespaceNames.get(netns);
  const within = devices.filter((device) => isIn(device, nameOfSpace(device), others));
  if (words === undefined) return { devices: within, queue: undefined };
  for (const reading of readingsOf(words)) {
    const found = within.filter((device) => fits(device, nameOfSpace(device), reading));
    if (found.length > 0) return { devices: found, queue: reading.queue };
  }
  return { devices: [], queue: undefined };
}

/** The findings on these devices, or on this queue of them and on them as a whole, and those about the agent itself. */
export function findingsOn<One extends Finding>(
  findings: readonly One[],
  devices: readonly Device[],
  queue: number | undefined,
): readonly One[] {
  const isAsked = (finding: Finding): boolean =>
    queue === undefined || finding.queue === undefined || finding.queue === queue;
  return findings.filter(
    (finding) => finding.device === undefined || (isAsked(finding) && devices.some((device) => isOn(finding, device))),
  );
}

/** One without a namespace is on every device of its name. */
export function isOn(finding: Finding, { name, netns }: Device): boolean {
  return finding.device === name && (finding.netns === undefined || finding.netns === netns);
}

export function isEverything(scope: Scope): boolean {
  return Object.values(scope).every((name) => name === undefined);
}

function isIn({ netns, queues }: Device, namespace: string | undefined, scope: Omit<Scope, 'device'>): boolean {
  const isName = (wanted: string | undefined, names: readonly (string | undefined)[]): boolean =>
    wanted === undefined || names.includes(typedName(wanted));
  const owned = (wanted: string | undefined, names: (owner: Owner) => readonly (string | undefined)[]): boolean =>
    wanted === undefined || queues.some(({ owner }) => owner !== undefined && isName(wanted, names(owner)));
  return (
    isName(scope.netns, [namespace, String(netns)]) &&
    owned(scope.vm, ({ identity }) => [identity?.vm, identity?.uuid]) &&
    owned(scope.pod, ({ identity }) => [identity?.pod, identity?.podName, identity?.podName?.split('/')[1]]) &&
    owned(scope.process, ({ pid, comm, identity }) => [String(pid), comm, identity?.program])
  );
}

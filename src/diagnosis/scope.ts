// SPDX-License-Identifier: Apache-2.0
// The devices that a question is about: by name, namespace, VM, pod or process.

import type { Device } from '../snapshot/device.ts';
import type { Owner } from '../snapshot/owner.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import { visible } from '../snapshot/visible.ts';
import { closestName } from './closest-name.ts';
import type { Finding } from './finding.ts';
import { hiddenWords } from './format.ts';

/** A device must fit every filter that is given. Names are compared whole. */
export interface Scope {
  readonly device?: string | undefined;
  /** Name or UUID. */
  readonly vm?: string | undefined;
  readonly pod?: string | undefined;
  /** Number, name or kind (qemu, openvpn, …) of the process that holds a queue. */
  readonly process?: string | undefined;
  /** Name or inode number. */
  readonly netns?: string | undefined;
}

/** Throws one sentence if there are none. isPast: the snapshot is of an earlier time, perhaps of another host. */
export function devicesIn(snapshot: Snapshot, scope: Scope, isPast = false): readonly Device[] {
  const { devices } = snapshot;
  const found = narrowed(snapshot, scope).devices;
  if (found.length > 0 || isEverything(scope)) return found;
  const words = [
    ['named', scope.device],
    ['of VM', scope.vm],
    ['of pod', scope.pod],
    ['held by process', scope.process],
    ['in namespace', scope.netns],
  ] as const;
  const asked = words.flatMap(([word, name]) => (name === undefined ? [] : [`${word} ${name}`]));
  const wanted = `No tun, tap or macvtap device ${visible(asked.join(' '))}`;
  if (isPast) throw new Error(`${wanted} was there then; ${devices.length} others were.`);
  const { hiddenDevices = 0 } = snapshot.agent;
  const hidden = hiddenDevices > 0 ? `; ${hiddenWords(hiddenDevices)}` : '';
  const none = hiddenDevices > 0 ? 'none is shown' : 'there is none at all';
  const there = devices.length === 0 ? none : `'tapscope top -b -n 1' lists the ${devices.length} there are`;
  throw new Error(`${wanted} is on this host${meant(devices, scope)}; ${there}${hidden}.`);
}

/** ' (did you mean vnet10?)', of a device's or a VM's name, where nothing else was asked for. */
function meant(devices: readonly Device[], { device, vm, pod, process }: Scope): string {
  if ([device, vm, pod, process].filter((one) => one !== undefined).length > 1) return '';
  const vms = devices.flatMap(({ queues }) => queues.flatMap(({ owner }) => owner?.identity?.vm || []));
  const names = devices.map(({ name }) => name);
  const close =
    (device === undefined ? undefined : closestName(device, names)) ??
    (vm === undefined ? undefined : closestName(vm, vms));
  return close === undefined ? '' : ` (did you mean ${visible(close)}?)`;
}

/** The same snapshot with these devices only, which may be none. */
export function narrowed(snapshot: Snapshot, scope: Scope): Snapshot {
  const { namespaceNames } = snapshot.agent;
  const devices = snapshot.devices.filter((device) => isIn(device, namespaceNames.get(device.netns), scope));
  return { ...snapshot, devices };
}

/** The findings on these devices, and those about the agent itself. */
export function findingsOn(findings: readonly Finding[], devices: readonly Device[]): readonly Finding[] {
  return findings.filter((finding) => finding.device === undefined || devices.some((device) => isOn(finding, device)));
}

/** One without a namespace is on every device of its name. */
export function isOn(finding: Finding, { name, netns }: Device): boolean {
  return finding.device === name && (finding.netns === undefined || finding.netns === netns);
}

export function isEverything(scope: Scope): boolean {
  return Object.values(scope).every((name) => name === undefined);
}

function isIn({ name, netns, queues }: Device, namespace: string | undefined, scope: Scope): boolean {
  const owned = (wanted: string | undefined, names: (owner: Owner) => readonly (string | undefined)[]): boolean =>
    wanted === undefined || queues.some(({ owner }) => owner !== undefined && names(owner).includes(wanted));
  return (
    (scope.device === undefined || scope.device === name) &&
    (scope.netns === undefined || scope.netns === namespace || scope.netns === String(netns)) &&
    owned(scope.vm, ({ identity }) => [identity?.vm, identity?.uuid]) &&
    owned(scope.pod, ({ identity }) => [identity?.pod, identity?.podName, identity?.podName?.split('/')[1]]) &&
    owned(scope.process, ({ pid, comm, identity }) => [String(pid), comm, identity?.program])
  );
}

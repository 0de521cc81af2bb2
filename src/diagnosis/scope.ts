// SPDX-License-Identifier: Apache-2.0
// The devices that a question is about: by name, namespace, VM, pod or process.

import type { Device } from '../snapshot/device.ts';
import type { Owner } from '../snapshot/owner.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import { visible } from '../snapshot/visible.ts';
import { closestName } from './closest-name.ts';
import type { Finding } from './finding.ts';
import { count, hiddenWords } from './format.ts';

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
  const ended = endedWords(snapshot, scope);
  if (ended !== undefined) throw new Error(ended);
  const hidden = hiddenDevices > 0 ? `; ${hiddenWords(hiddenDevices)}` : '';
  const none = hiddenDevices > 0 ? 'none is shown' : 'there is none at all';
  const there = devices.length === 0 ? none : `'tapscope top -b -n 1' lists the ${devices.length} there are`;
  throw new Error(`${wanted} is on this host${meant(devices, scope)}; ${there}${hidden}.`);
}

/** 'tun0 ended 12 s ago with openvpn (pid 812); 40 packets purged.': the newest that fits; undefined: none did. */
function endedWords({ takenAt, agent }: Snapshot, { device, netns, vm, pod, process }: Scope): string | undefined {
  if (device === undefined || [vm, pod, process].some((one) => one !== undefined)) return undefined;
  const isThere = (inode: number): boolean =>
    netns === undefined || netns === String(inode) || netns === agent.namespaceNames.get(inode);
  const gone = agent.ended?.latest.findLast((one) => one.name === device && isThere(one.netns));
  if (!gone) return undefined;
  const { owner, counts, endedAt } = gone;
  const fates = [
    ...counts.uncounted.map(({ cause, packets }) => ({ word: cause.replaceAll('_', ' '), packets })),
    { word: 'dropped in it', packets: sumOf(counts.dropped) },
    { word: 'lost before it', packets: sumOf(counts.droppedBefore) },
    { word: 'from it dropped', packets: sumOf(counts.receiveDropped) },
    { word: 'of unknown fate', packets: counts.unaccounted },
  ].filter(({ packets }) => packets > 0);
  const lost = fates.map(({ word, packets }) => `${count(packets)} ${word}`).join(', ');
  const program = owner ? ` with ${owner.comm} (pid ${owner.pid})` : '';
  const ago = Math.max(0, Math.round(takenAt - endedAt));
  return visible(
    `${device} ended ${ago} s ago${program}; ${count(counts.delivered)} packets had reached its reader and ${count(counts.received)} came from it, ${lost === '' ? 'none was lost' : `lost: ${lost}`}.`,
  );
}

function sumOf(counts: readonly { readonly packets: number }[]): number {
  return counts.reduce((sum, { packets }) => sum + packets, 0);
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

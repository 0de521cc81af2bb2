// SPDX-License-Identifier: Apache-2.0
// The devices that were asked for, or the sentence that says what is there in their place.

import { tapscope } from '../own-command.ts';
import type { Device } from '../snapshot/device.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import { visible } from '../snapshot/visible.ts';
import { closestName, didYouMean } from './closest-name.ts';
import { namesOf, readingsOf } from './device-words.ts';
import { count, hiddenWords, namespaceIn, several } from './format.ts';
import { isEverything, narrowed, type Scope } from './scope.ts';

/** Throws one sentence if there are none. isPast: the snapshot is of an earlier time, perhaps of another host. */
export function devicesIn(snapshot: Snapshot, scope: Scope, isPast = false): readonly Device[] {
  const { devices } = snapshot;
  const found = narrowed(snapshot, scope).devices;
  if (found.length > 0 || isEverything(scope)) return found;
  const words = [
    ['named', scope.device && placeNamed(scope.device, snapshot)],
    ['of VM', scope.vm],
    ['of pod', scope.pod],
    ['held by process', scope.process],
    ['in namespace', scope.netns && placeNamed(scope.netns, snapshot)],
  ] as const;
  const asked = words.flatMap(([word, name]) => (name === undefined ? [] : [`${word} ${name}`]));
  const wanted = `No tun, tap or macvtap device ${visible(asked.join(' '))}`;
  if (isPast) throw new Error(`${wanted} was there then; ${devices.length} others were.`);
  const { hiddenDevices = 0 } = snapshot.agent;
  const known = endedWords(snapshot, scope) ?? queueWords(snapshot, scope) ?? bridgeWords(snapshot, scope);
  if (known !== undefined) throw new Error(known);
  const hidden = hiddenDevices > 0 ? `; ${hiddenWords(hiddenDevices)}` : '';
  const none = hiddenDevices > 0 ? 'none is shown' : 'there is none at all';
  const there = devices.length === 0 ? none : listed(devices, snapshot);
  throw new Error(`${wanted} is on this host${didYouMean(meantBy(snapshot, scope))}; ${there}${hidden}.`);
}

/** What was typed, a namespace or what is in one; one that was meant by its number has its name. */
function placeNamed(typed: string, { agent }: Snapshot): string {
  return typed.replace(/^\d+(?=\/|$)/, (inode) => agent.namespaceNames.get(Number(inode)) || inode);
}

/** 'tun0 ended 12 s ago with openvpn (pid 812); 40 packets purged.': the newest that fits; undefined: none did. */
function endedWords({ takenAt, agent }: Snapshot, { device, netns, vm, pod, process }: Scope): string | undefined {
  if (device === undefined || [vm, pod, process].some((one) => one !== undefined)) return undefined;
  const isThere = (wanted: string | undefined, inode: number): boolean =>
    wanted === undefined || wanted === String(inode) || wanted === agent.namespaceNames.get(inode);
  const words = readingsOf(device).filter((one) => one.device !== undefined);
  const gone = agent.ended?.latest.findLast(
    (one) =>
      isThere(netns, one.netns) && words.some((each) => each.device === one.name && isThere(each.netns, one.netns)),
  );
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
    `${gone.name} ended ${ago} s ago${program}; ${several(counts.delivered, 'packet')} had reached its reader and ${count(counts.received)} came from it, ${lost === '' ? 'none was lost' : `lost: ${lost}`}.`,
  );
}

function sumOf(counts: readonly { readonly packets: number }[]): number {
  return counts.reduce((sum, { packets }) => sum + packets, 0);
}

/** Queues by their numbers: '0', '0 and 1', '0 to 15'. */
function numbers(queues: readonly number[]): string {
  const [first = 0, second] = queues;
  if (queues.length > 2) return `${first} to ${queues.at(-1)}`;
  return second === undefined ? String(first) : `${first} and ${second}`;
}

/** 'vnet1 has no queue 7; it has 0 and 1.': the device is there, whatever stands behind its name; undefined: it is not. */
function queueWords(snapshot: Snapshot, scope: Scope): string | undefined {
  const [, before = '', queue] = /^(.+?)(?:\/| queue )([^/\s]+)$/.exec(scope.device ?? '') ?? [];
  if (queue === undefined) return undefined;
  const [device] = narrowed(snapshot, { ...scope, device: before }).devices;
  const isName = readingsOf(before).some((words) => words.device === device?.name);
  if (!device || !isName) return undefined;
  return visible(
    `${device.name} has no queue ${queue}; it has ${numbers(device.queues.map(({ index }) => index).sort((a, b) => a - b))}.`,
  );
}

/** 'br0 is a bridge; ask for one of its ports: there are vnet0 and vnet1.'; undefined: it is none, or no device is its port. */
function bridgeWords(snapshot: Snapshot, { device = '', netns }: Scope): string | undefined {
  const ports = narrowed(snapshot, { netns }).devices.filter(
    ({ bridgePort }) => typeof bridgePort === 'object' && bridgePort.bridge === device,
  );
  return ports.length === 0
    ? undefined
    : `${visible(device)} is a bridge; ask for one of its ports: ${listed(ports, snapshot)}.`;
}

/** Longer lists are shown by `top` alone. */
const MOST_LISTED = 8;

/** 'there are vnet0 and blue/vnet1': as they can be asked for. */
function listed(devices: readonly Device[], snapshot: Snapshot): string {
  if (devices.length > MOST_LISTED) return `'${tapscope('top -b -n 1')}' lists the ${devices.length} there are`;
  const names = devices.map((device) => fullName(device, snapshot));
  const last = names.at(-1) ?? '';
  return visible(
    names.length === 1 ? `there is only ${last}` : `there are ${names.slice(0, -1).join(', ')} and ${last}`,
  );
}

/** 'vnet1', of another namespace 'blue/vnet1'. */
export function fullName({ name, netns }: Device, { agent }: Snapshot): string {
  return netns === agent.netns ? name : `${namespaceIn(netns, agent)}/${name}`;
}

/** What was most likely meant, where nothing else was asked for: a device of the same namespace first, then any device, VM, pod, process or namespace. */
function meantBy(snapshot: Snapshot, scope: Scope): string | undefined {
  const { agent } = snapshot;
  const asked = Object.entries(scope).filter(([key, name]) => name !== undefined && key !== 'netns');
  if (asked.length > 1) return undefined;
  const owners = snapshot.devices.flatMap(({ queues }) => queues.flatMap(({ owner }) => owner ?? []));
  const identities = owners.flatMap(({ identity }) => identity ?? []);
  const { device, vm, pod, process, netns } = scope;
  const spaces = snapshot.devices.map((one) => namespaceIn(one.netns, agent));
  const there = narrowed(snapshot, { netns }).devices;
  if (netns !== undefined && there.length === 0) return closestName(netns, spaces);
  const close =
    device === undefined
      ? undefined
      : (deviceMeant(device, snapshot, there) ?? closestName(device, owners.flatMap(namesOf)));
  const ofOwner = [
    [vm, identities.map((one) => one.vm)],
    [pod, identities.flatMap((one) => one.podName ?? [])],
    [process, owners.map(({ comm }) => comm)],
  ] as const;
  return (
    visible(
      close ??
        ofOwner.flatMap(([name, names]) => (name === undefined ? [] : (closestName(name, names) ?? [])))[0] ??
        '',
    ) || undefined
  );
}

/** As it can be asked for, its queue too. */
function deviceMeant(asked: string, snapshot: Snapshot, there: readonly Device[]): string | undefined {
  const [, place, name = asked, queue = ''] =
    /^(?:(.+)\/)?([^/\s]*[^/\s\d][^/\s]*)((?:\/| queue )\d+)?$/.exec(asked) ?? [];
  const same =
    place === undefined
      ? there.filter(({ netns }) => netns === snapshot.agent.netns)
      : narrowed(snapshot, { netns: place }).devices;
  const closest = (devices: readonly Device[]): Device | undefined => {
    const found = closestName(
      name,
      devices.map((one) => one.name),
    );
    return devices.find((one) => one.name === found);
  };
  const found = closest(same) ?? closest(there);
  return found && fullName(found, snapshot) + queue;
}

// SPDX-License-Identifier: Apache-2.0
// Names of queues that cannot be taken for each other: a device's name is unique in its namespace only.
import type { QueueRate } from '../diagnosis/queue-rates.ts';
import { guestOf } from '../snapshot/owner.ts';
import { visible } from '../snapshot/visible.ts';
import { fit } from './terminal-text.ts';

type Named = Pick<QueueRate, 'device' | 'netns' | 'namespace' | 'queue' | 'owner'>;

/** The same in each picture. */
export function idOf({ netns, device, queue }: Named): string {
  return JSON.stringify([netns, device, queue]);
}

/** 'tap0/1'; where the name repeats 'tap0/1 web1' or 'tap0/1 blue', by VM, pod or container if that tells them apart, else by namespace. */
export function queueNames(rates: readonly Named[]): ReadonlyMap<string, string> {
  const byDevice = new Map<string, Named[]>();
  for (const rate of rates) byDevice.set(rate.device, [...(byDevice.get(rate.device) ?? []), rate]);
  return new Map(
    [...byDevice.values()].flatMap((same) => {
      const owners = qualifiers(same);
      return same.map((rate) => [idOf(rate), visible(`${plainName(rate)}${owners.get(rate.netns) ?? ''}`)] as const);
    }),
  );
}

export function plainName({ device, queue }: Pick<Named, 'device' | 'queue'>): string {
  return queue === undefined ? device : `${device}/${queue}`;
}

/** The suffix of each namespace, which begins with a blank; none if there is only one namespace. */
function qualifiers(same: readonly Named[]): ReadonlyMap<number, string> {
  const namespaces = new Map(same.map((rate) => [rate.netns, rate]));
  if (namespaces.size < 2) return new Map();
  const guests = new Map([...namespaces].map(([netns, rate]) => [netns, guestOf(rate.owner?.identity)?.[1] ?? '']));
  const tell = new Set(guests.values()).size === guests.size && ![...guests.values()].includes('');
  return new Map([...namespaces].map(([netns, rate]) => [netns, ` ${tell ? guests.get(netns) : rate.namespace}`]));
}

/** Cuts names to `width` columns; names that would then be the same get a number. */
export function fitNames(names: readonly string[], width: number): readonly string[] {
  const cut = names.map((name) => fit(name, width));
  const often = new Map<string, number>();
  for (const name of cut) often.set(name, (often.get(name) ?? 0) + 1);
  const places = new Map<string, readonly string[]>();
  for (const [index, name] of cut.entries())
    if ((often.get(name) ?? 0) > 1) places.set(name, [...(places.get(name) ?? []), names[index] ?? ''].sort());
  return cut.map((name, index) => {
    const same = places.get(name);
    if (!same) return name;
    const number = `#${same.indexOf(names[index] ?? '') + 1}`;
    return `${fit(names[index] ?? '', Math.max(1, width - number.length))}${number}`;
  });
}

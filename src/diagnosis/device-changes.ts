// SPDX-License-Identifier: Apache-2.0
// Changes to a device, for marks on charts: up and down, queues that joined or left, ring, qdisc, owner.
import type { Device } from '../snapshot/device.ts';

/** A change between this step and the one before. */
export interface Change {
  /** Unix time, seconds. */
  readonly at: number;
  /** 'txqueuelen 1000, was 500' */
  readonly text: string;
}

interface Step {
  readonly takenAt: number;
  readonly device: Device;
}

export function changesOf(steps: readonly Step[]): readonly Change[] {
  return steps.slice(1).flatMap(({ takenAt, device }, place) => {
    const before = steps[place]?.device;
    if (before === undefined || before === device) return [];
    const texts = before.id === device.id ? textsOf(before, device) : ['made anew'];
    return texts.length > 0 ? [{ at: takenAt, text: texts.join('; ') }] : [];
  });
}

function textsOf(before: Device, now: Device): readonly string[] {
  const isDown = { true: 'up', false: 'down' };
  const changed = <Value>(of: (device: Device) => Value, words: (value: Value, was: Value) => string): string[] =>
    of(before) === of(now) ? [] : [words(of(now), of(before))];
  const renamed = (name: string, of: (device: Device) => string | number | undefined): string[] =>
    changed(of, (value, was) => `${name} ${value ?? 'unknown'}, was ${was ?? 'unknown'}`);
  return [
    ...changed(
      ({ up }) => up,
      (up) => `device ${isDown[`${up}`]}`,
    ),
    ...(before.up === now.up
      ? changed(
          ({ carrier }) => carrier,
          (carrier) => `carrier ${carrier ? 'on' : 'off'}`,
        )
      : []),
    ...changed(ringsOf, (rings, was) => `${rings} ${rings === 1 ? 'queue' : 'queues'}, was ${was}`),
    ...renamed('txqueuelen', ({ queueLength }) => queueLength),
    ...renamed('qdisc', ({ qdisc }) => qdisc),
    ...renamed('flow control', ({ flowControl }) => flowControl),
    ...(ownerOf(before) === undefined || ownerOf(now) === undefined ? [] : renamed('owner pid', ownerOf)),
  ];
}

/** Queues that have a reader. */
function ringsOf({ queues }: Device): number {
  return queues.filter(({ ring }) => ring !== undefined).length;
}

/** Queues of several processes: that of the first. An owner that is not known yet is no change. */
function ownerOf({ queues }: Device): number | undefined {
  return queues.find(({ owner }) => owner)?.owner?.pid;
}

// SPDX-License-Identifier: Apache-2.0
// The part of some snapshots in which a device's rings were as they are now: what other rings lost says nothing of these.
import type { Device } from '../../snapshot/device.ts';
import type { Snapshot } from '../../snapshot/snapshot.ts';
import { type DeviceSpan, type Window, windowOf } from '../window.ts';

export interface SteadyWindow {
  readonly window: Window;
  readonly device: DeviceSpan;
  /** Earlier snapshots are left out: its rings, its queues or what measures them changed. */
  readonly isCut: boolean;
}

/** undefined: they changed after the last snapshot but one, or the device has just come. */
export function steadyWindow(snapshots: readonly Snapshot[], id: string): SteadyWindow | undefined {
  const forms = snapshots.map(({ agent, devices }) => {
    const device = devices.find((one) => one.id === id);
    return device && `${agent.epoch} ${agent.level} ${formOf(device)}`;
  });
  const begin = forms.findLastIndex((form) => form !== forms.at(-1)) + 1;
  const steady = snapshots.slice(begin);
  if (steady.length < 2) return undefined;
  const window = windowOf(steady);
  const device = window.devices.find(({ now }) => now.id === id);
  return device && { window, device, isCut: begin > 0 && forms[begin - 1] !== undefined };
}

function formOf({ queueLength, queues }: Device): string {
  return `${queueLength} ${queues.map(({ index, ring }) => `${index}:${ring?.capacity}`).join(' ')}`;
}

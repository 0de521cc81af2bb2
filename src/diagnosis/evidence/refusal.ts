// SPDX-License-Identifier: Apache-2.0
// Why writes were refused, and what to do, by what most of them failed with.

import type { OtherDrop } from '../../snapshot/device.ts';
import type { Remedy } from '../finding.ts';
import { memoryFault } from '../reasons/drop-row.ts';
import { explain, remediesOf } from '../reasons/explain.ts';
import { quoted, setLink } from '../remedies/command.ts';
import { type DeviceSpan, grown, type Window } from '../window.ts';

interface Refusal {
  readonly why: string;
  readonly remedies: readonly Remedy[];
}

export function refusalOf(
  device: DeviceSpan,
  { headers, faults, down }: { readonly headers: number; readonly faults: number; readonly down: number },
  window: Window,
): Refusal {
  if (!device.now.up || down > Math.max(headers, faults)) return whileDown(device, window);
  if (headers > 0 && headers >= faults) return hasHeaders(device) ? ofHeaders() : ofForm(device);
  if (faults > 0)
    return {
      why: 'the memory that it writes from cannot be read (EFAULT)',
      remedies: [inProgram(memoryFault('writing program'))],
    };
  return byReason(device, window);
}

/** The writes did not fail, or nothing counts that: the kernel’s reason for most of what it freed on the way in. */
function byReason(device: DeviceSpan, window: Window): Refusal {
  const lostBy = ({ reason, location }: OtherDrop): number =>
    grown(device, ({ receive }) => {
      const same = receive?.dropped?.find((drop) => drop.reason === reason && drop.location === location);
      return same?.packets ?? 0;
    }) ?? 0;
  const [most] = (device.now.receive?.dropped ?? []).toSorted((a, b) => lostBy(b) - lostBy(a));
  if (!most) return { why: 'the kernel freed them on their way in', remedies: [] };
  const row = explain(most, device.now, 'from');
  return { why: row.cause, remedies: remediesOf(row, device, window) };
}

function whileDown(device: DeviceSpan, window: Window): Refusal {
  return {
    why: 'the device is down (EIO)',
    remedies: [
      {
        command: setLink(device, window, 'up'),
        effect: `Sets ${quoted(device.now.name)} up. See who set it down: a bridge’s or network manager’s script will do so again.`,
        lossless: true,
        restart: false,
        by: 'host',
      },
    ],
  };
}

function ofHeaders(): Refusal {
  return {
    why: 'their virtio-net headers tell of an offload that the kernel cannot follow (EINVAL)',
    remedies: [
      {
        command: 'ethtool -K eth0 tso off gso off tx off',
        effect: 'In the guest, for the time being: without offloads its headers are plain; costs CPU.',
        lossless: true,
        restart: false,
        by: 'guest',
      },
      inProgram('Update the guest’s driver or the program that writes; if it began with a kernel update, report that.'),
    ],
  };
}

/** Without headers the kernel finds fault with the packet itself. */
function hasHeaders(device: DeviceSpan): boolean {
  return device.now.vnetHeader || (grown(device, ({ receive }) => receive?.frameErrors) ?? 0) > 0;
}

function ofForm({ now: { kind } }: DeviceSpan): Refusal {
  return {
    why: kind === 'tun' ? 'they are no IP packets (EINVAL)' : 'they are no Ethernet frames (EINVAL)',
    remedies: [
      inProgram(
        'A fault of the writing program, or of its far end: both have to be tun or both tap (a VPN’s dev-type), with or without packet information.',
      ),
    ],
  };
}

function inProgram(effect: string): Remedy {
  return { command: undefined, effect, lossless: false, restart: true, by: 'vmm' };
}

// SPDX-License-Identifier: Apache-2.0
// Remedies that let a bridge forward to a device again.
import type { BridgePort } from '../../snapshot/device.ts';
import type { Remedy } from '../finding.ts';
import type { DeviceSpan, Window } from '../window.ts';
import { hostCommand, quoted } from './command.ts';

/** Remedies for a port that forwards nothing at all. */
export function openPort(device: DeviceSpan, window: Window, { bridge, bridgeUp, stp }: BridgePort): readonly Remedy[] {
  if (!bridgeUp)
    return [
      hostCommand(
        device,
        window,
        `ip link set dev ${quoted(bridge)} up`,
        'Sets the bridge up; each of its ports forwards after forward_delay (15 s unless it was set).',
      ),
    ];
  if (stp === 'off')
    return [
      setPort(device, window, 'state 3', 'It forwards at once. See which program had set it: it may do so again.'),
    ];
  const protocol: Remedy = hostCommand(
    device,
    window,
    `ip link set dev ${quoted(bridge)} type bridge stp_state 0`,
    'Only where no second way leads between bridges, or frames circle for ever: without the protocol all ports forward.',
  );
  const look: Remedy = hostCommand(
    device,
    window,
    `bridge -d link show dev ${quoted(device.now.name)}`,
    `${stp === 'kernel' ? 'The kernel’s spanning tree' : 'A daemon of the spanning tree (mstpd)'} decides: shows the port’s state, cost and guard. One that listens or learns needs up to 30 s.`,
  );
  return [look, protocol];
}

/** `bridge link set dev tap0 …` in its namespace. */
export function setPort(device: DeviceSpan, window: Window, setting: string, effect: string): Remedy {
  return hostCommand(device, window, `bridge link set dev ${quoted(device.now.name)} ${setting}`, effect);
}

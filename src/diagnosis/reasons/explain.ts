// SPDX-License-Identifier: Apache-2.0
// Looks a drop up in the table of reasons. What has no row there gets a sentence of its own, never a neighbour's.
import type { Device, OtherDrop } from '../../snapshot/device.ts';
import type { Remedy } from '../finding.ts';
import { namespaceIn } from '../format.ts';
import { inNamespace, quoted } from '../remedies/command.ts';
import type { DeviceSpan, Window } from '../window.ts';
import { type DropRemedy, type DropRow, deviceStatistics, errorCounters, harmless, type Way } from './drop-row.ts';
import { placeOf } from './place.ts';
import { NO_REASON, REASON_ROWS } from './reason-table.ts';
import { UNNAMED_ROWS } from './unnamed-rows.ts';

type Dropped = Pick<OtherDrop, 'reason' | 'location' | 'unwanted' | 'beyond' | 'device' | 'portOf'>;
type Explained = Pick<Device, 'kind' | 'bridgePort' | 'surroundings'>;
type Names = Parameters<typeof namespaceIn>[1];

/** The row of the drop. Equal causes are equal rows, whatever their reasons are called. `agent`: knows the names of namespaces. */
export function explain(drop: Dropped, device: Explained, way: Way, agent?: Names): DropRow {
  if (drop.unwanted) return IN_RX_DROPPED.includes(drop.reason) ? FOR_OTHERS_OF_NO_PROTOCOL : FOR_OTHERS;
  const rows = drop.reason === NO_REASON ? UNNAMED_ROWS.get(drop.location) : REASON_ROWS[drop.reason];
  const carries = device.kind === 'tun' || device.kind === 'ipvtap' ? 'packets' : 'frames';
  const fits = (row: DropRow): boolean =>
    (row.at?.includes(drop.location) ?? true) &&
    (row.way ?? way) === way &&
    (row.carries ?? carries) === carries &&
    (row.port === undefined || isPort(device, row.port)) &&
    (row.ofBond === undefined || isIdlePort(drop, device));
  const row = rows?.find(fits) ?? unknownCause(drop);
  if (drop.device !== undefined) return { ...row, cause: `at ${drop.device} ${row.cause}`, device: drop.device };
  return drop.beyond ? behind(row, drop.beyond, agent) : row;
}

/** Of what a guest or writer sent: no packet is missing to anybody, at whatever rate. */
export function isOrdinaryEnd(drop: Dropped, device: Explained): boolean {
  return explain(drop, device, 'from').class === 'harmless';
}

/** The same in another place: a command that names the device means nothing there. */
function behind(row: DropRow, { netns, sentBy }: NonNullable<OtherDrop['beyond']>, agent: Names | undefined): DropRow {
  const there = row.remedies.filter(({ command, effect }) => !`${command}${effect}`.includes('{device}'));
  return {
    ...row,
    cause: `behind ${sentBy}, in the network namespace ${agent ? namespaceIn(netns, agent) : netns}: ${row.cause}`,
    remedies: there.length > 0 ? there : [errorCounters, deviceStatistics],
    netns,
  };
}

function isPort({ bridgePort: port, surroundings }: Explained, how: NonNullable<DropRow['port']>): boolean {
  if (how === 'locked') return surroundings?.table?.isLocked === true;
  return port !== undefined && port !== 'unread' && port.isolatedBeside > 0;
}

/** Of the device where it was freed: another one that the drop names, or the device itself. */
function isIdlePort({ device: other, portOf }: Dropped, { surroundings }: Explained): boolean {
  return (other === undefined ? surroundings?.portOf : portOf) !== undefined;
}

/** Reasons of broadcasts that the kernel counts in rx_dropped too (__netif_receive_skb_core). */
const IN_RX_DROPPED: readonly string[] = ['UNHANDLED_PROTO', 'PTYPE_ABSENT'];

const FOR_OTHERS = harmless('broadcasts and multicasts that the host has no use for');
const FOR_OTHERS_OF_NO_PROTOCOL = harmless('broadcasts of a protocol that nobody here handles; rx_dropped has them');

/** Of a device with more reasons and functions than have a series each (src/engine/freed-packets.ts). */
const TOO_MANY = 'other';

/** Where it was lost, for no one can say why. */
function unknownCause({ reason, location }: Dropped): DropRow {
  const remedies = [errorCounters, deviceStatistics];
  if (reason === TOO_MANY)
    return { class: 'loss', cause: 'freed for more reasons than are told apart', remedies, isUnknown: true };
  const place = placeOf(location);
  const where = location === 'other' ? 'a function that is not named here' : `${location}${place ? ` (${place})` : ''}`;
  const why = reason === NO_REASON ? 'without a reason' : `with the reason ${reason}`;
  return { class: 'loss', cause: `freed in ${where} ${why}`, remedies, isUnknown: true };
}

/** With the device's name filled in, and run where the device is, or where the packets were lost. */
export function remediesOf(row: DropRow, device: DeviceSpan, window: Window): readonly Remedy[] {
  const [name, netns] = [row.device ?? device.now.name, row.netns ?? device.now.netns];
  return row.remedies.map((remedy) => remedyOf(remedy, name, netns, window));
}

function remedyOf({ command, effect, by }: DropRemedy, name: string, netns: number, window: Window): Remedy {
  const named = command?.replaceAll('{device}', () => quoted(name));
  return {
    command: named === undefined || by === 'guest' ? named : inNamespace(netns, window, named),
    effect: effect.replaceAll('{device}', () => quoted(name)),
    lossless: by !== 'vmm',
    restart: by === 'vmm',
    by,
  };
}

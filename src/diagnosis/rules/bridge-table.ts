// SPDX-License-Identifier: Apache-2.0
import type { BridgePort } from '../../snapshot/device.ts';
import type { AstrayFrames, BridgeTable, MisplacedAddress, WithheldFrames } from '../../snapshot/surroundings.ts';
import { lossTowards } from '../asked.ts';
import { receivedFrom } from '../evidence/from-guest.ts';
import { NOISE_PER_SECOND } from '../evidence/loss.ts';
import { astrayIn, withheldIn } from '../evidence/surroundings.ts';
import type { Diagnosis, Remedy } from '../finding.ts';
import { count, nameOf, several } from '../format.ts';
import { onDevice } from '../make-finding.ts';
import { hostCommand, quoted } from '../remedies/command.ts';
import { setPort } from '../remedies/open-port.ts';
import type { Rule } from '../rule.ts';
import { HOST_FIREWALL, NO_READER } from '../rule-names.ts';
import type { DeviceSpan, Window } from '../window.ts';

/** A few frames to the guest are a ping that gets no answer. */
const FEWEST = 3;
/** Its guest sends, and the bridge should have learned its address by then. */
const FEWEST_SENT = 10;
const BROADCAST = 'ff:ff:ff:ff:ff:ff';
/** Solicited-node groups: without these no IPv6 neighbour finds the guest. */
const SOLICITED = /^33:33:ff:/;

export const bridgeTable: Rule = {
  name: 'bridge-table',
  summary: 'the tables of the bridge do not lead to the device: its address is elsewhere, its group or VLAN is missing',
  explanation:
    'A bridge sends a frame by its tables: addresses, multicast groups, VLANs. What they keep from a port is in no counter. While a person asks, tapscope reads the tables and counts the frames that come to the bridge, by port, address and VLAN; what the tables withhold from the device is the evidence.\n\n' +
    'An address of the guest may be at another port because a program wrote it there, because two guests have the same one, or because it is the bridge’s own. With multicast snooping and a querier, frames to a group that no port has reported go to no port at all (224.0.0.0/24 and ff02::1 apart). A guest that does not listen misses nothing: groups that other ports have reported are no fault, nor are fewer than ten frames a second.\n\n' +
    'The same is looked at the other way round: frames from the guest for an address that the bridge takes for one of its own, broadcasts and multicast that another port does not flood, and frames between neighbours (01:80:c2:00:00:0x: LACP, 802.1X, LLDP), which a bridge keeps unless group_fwd_mask says otherwise.\n\nReported only for a device that is asked about.',
  symptom: 'loss-in-bridge',
  needs: ['devices'],
  judge: (window, asked) => window.devices.flatMap((device) => (device === asked ? judged(device, window) : [])),
};

function judged(device: DeviceSpan, window: Window): readonly Diagnosis[] {
  const { up, carrier, bridgePort: port, surroundings } = device.now;
  const table = surroundings?.table;
  // Without carrier or forwarding the tables do not matter.
  if (!up || !carrier || !table || !port || port === 'unread' || !port.bridgeUp || port.state !== 'forwarding')
    return [];
  const seen = { device, window, port, table };
  const towards = [misplaced(seen), byClosedPort(seen), byVlan(seen), locked(seen), byGroup(seen), notFlooded(seen)];
  return [...towards, takenByHost(seen), keptFrom(seen), notFloodedFrom(seen)].flatMap((one) => one ?? []).slice(0, 1);
}

interface Seen {
  readonly device: DeviceSpan;
  readonly window: Window;
  readonly port: BridgePort;
  readonly table: BridgeTable;
}

function misplaced({ device, window, port, table }: Seen): Diagnosis | undefined {
  const [first] = table.misplaced;
  const withheld = withheldIn(device, ['elsewhere']);
  const lost = packetsOf(withheld);
  const isIdle = lossTowards(device).offered === 0;
  // An entry alone, beside good traffic, is no fault; two senders of one address always are.
  if (!first || (lost < FEWEST && first.how !== 'twice' && !isIdle)) return undefined;
  const { address, how } = first;
  return onDevice(device, {
    severity: 'warning',
    brief: `gets no frames for ${address}: the bridge ${port.bridge} sends them ${how === 'local' ? 'to the host itself' : `to ${first.port}`}`,
    cause: `${nameOf(device)}: the bridge ${port.bridge} sends frames for ${address}, which is behind it, ${how === 'local' ? 'to the host itself' : `to ${first.port}`}.`,
    evidence: [
      lost > 0 ? `${framesOf(withheld)} were sent elsewhere in ${device.seconds.toFixed(0)} s` : undefined,
      `${HOW[how]} ${first.port}`,
      `${several(table.addresses, 'address is', 'addresses are')} at its own port`,
      isIdle ? `no packet reached the device in ${device.seconds.toFixed(0)} s` : undefined,
    ],
    remedies: repair(device, window, first),
    rejected: [{ rule: HOST_FIREWALL, because: 'the bridge chooses the port before any rule of forward' }],
    confidence: lost >= FEWEST ? 'high' : 'medium',
  });
}

const HOW: Readonly<Record<MisplacedAddress['how'], string>> = {
  static: 'a program wrote the address to port',
  local: 'the bridge has the address as one of its own, at port',
  twice: 'two guests send from the address; the other one is at port',
  learned: 'its guest sent from it, and the bridge has seen it since at port',
};

function repair(device: DeviceSpan, window: Window, { address, port, how }: MisplacedAddress): readonly Remedy[] {
  const look = hostCommand(
    device,
    window,
    `bridge fdb show | grep ${address}`,
    'Shows where the bridge has the address; static and permanent are of a program, which may write them again.',
  );
  if (how === 'twice' || how === 'learned')
    return [
      {
        ...look,
        effect:
          'Shows where the bridge has it now: it moves with each frame. Give one of the two another address, or end the loop.',
      },
    ];
  const remove: Remedy = hostCommand(
    device,
    window,
    `bridge fdb del ${address} dev ${quoted(port)} master`,
    'Deletes the entry: the bridge learns the address where the guest sends from, and floods until then. Not if it is the address of the port’s own device.',
  );
  return [remove, look];
}

/** The port that they come in by is closed, not this one. */
function byClosedPort({ device, window, port }: Seen): Diagnosis | undefined {
  const withheld = withheldIn(device, ['closed']);
  const lost = packetsOf(withheld);
  const [first] = withheld;
  if (!first || lost < FEWEST) return undefined;
  return onDevice(device, {
    severity: 'warning',
    brief: `gets no frames that come by ${first.from}: that port of ${port.bridge} does not forward`,
    cause: `${nameOf(device)} gets none of ${framesOf(withheld)}: they come by ${first.from}, and that port of ${port.bridge} does not forward.`,
    evidence: [`${several(lost, 'frame')} met the closed port in ${device.seconds.toFixed(0)} s`],
    remedies: [
      hostCommand(
        device,
        window,
        `bridge -d link show dev ${quoted(first.from)}`,
        'Shows the port’s state. One that listens or learns needs up to 30 s; a spanning tree closes a second way.',
      ),
      hostCommand(
        device,
        window,
        `bridge link set dev ${quoted(first.from)} state 3`,
        'If no spanning tree runs: it forwards at once. See which program had set it: it may do so again.',
      ),
    ],
    rejected: [{ rule: HOST_FIREWALL, because: 'the bridge looks at the port’s state before any rule of forward' }],
    confidence: 'high',
  });
}

function byVlan({ device, window, port, table }: Seen): Diagnosis | undefined {
  if (table.vlans === undefined) return undefined;
  const withheld = withheldIn(device, ['vlan-in', 'vlan-out']);
  const lost = packetsOf(withheld);
  const [first] = withheld;
  const isIdle = lossTowards(device).offered === 0;
  const isUseless = table.vlans === 0 || (table.pvid === undefined && isIdle && receivedFrom(device) >= FEWEST_SENT);
  if ((!first || lost < FEWEST) && !isUseless) return undefined;
  const isHere = first === undefined || first.cause === 'vlan-out';
  const why =
    first && lost >= FEWEST
      ? `${isHere ? 'its port' : `the port ${first.from}`} does not allow VLAN ${first.vlan} of frames for it`
      : table.vlans === 0
        ? 'its port allows no VLAN'
        : 'its port drops frames without a tag: it has no PVID';
  const where = isHere ? device.now.name : (first?.from ?? '');
  return onDevice(device, {
    severity: 'warning',
    brief: `gets no frames of the bridge ${port.bridge}: ${why}`,
    cause: `${nameOf(device)}: the bridge ${port.bridge} filters VLANs, and ${why}.`,
    evidence: [
      lost > 0 ? `${framesOf(withheld)} were dropped in ${device.seconds.toFixed(0)} s` : undefined,
      `its port allows ${count(table.vlans)} VLANs; frames without a tag are ${table.pvid === undefined ? 'dropped' : `of VLAN ${table.pvid}`}`,
    ],
    remedies: [
      hostCommand(
        device,
        window,
        'bridge vlan show',
        'Shows the VLANs of each port: where a frame comes in, and here, its VLAN has to be there.',
      ),
      hostCommand(
        device,
        window,
        `bridge vlan add dev ${quoted(where)} vid ${first?.vlan || 1}${isHere ? ' pvid untagged' : ''}`,
        'If the guest belongs to that VLAN: allows it. Without pvid untagged the guest has to set the tag itself.',
      ),
    ],
    rejected: [{ rule: NO_READER, because: 'a process has the device open' }],
    confidence: lost >= FEWEST ? 'high' : 'medium',
  });
}

function locked({ device, window, port, table }: Seen): Diagnosis | undefined {
  const sent = receivedFrom(device);
  if (!table.isLocked || table.addresses > 0 || sent < FEWEST_SENT) return undefined;
  return onDevice(device, {
    severity: 'warning',
    brief: `sends nothing: the bridge ${port.bridge} drops it, for its port is locked`,
    cause: `${nameOf(device)}: the bridge ${port.bridge} drops what its guest sends: the port is locked, and its table has no address of the guest.`,
    evidence: [
      `${several(sent, 'packet')} came from it in ${device.seconds.toFixed(0)} s`,
      '0 addresses are at its port',
    ],
    remedies: [
      setPort(
        device,
        window,
        'locked off',
        'Any address may send. If the lock is meant (802.1X), the guest has to be authorised: bridge fdb add MAC dev PORT master static.',
      ),
    ],
    rejected: [{ rule: HOST_FIREWALL, because: 'the bridge drops before any rule of forward' }],
    confidence: 'high',
  });
}

function byGroup({ device, window, port }: Seen): Diagnosis | undefined {
  const withheld = withheldIn(device, ['group']);
  const solicited = withheld.filter(({ address }) => SOLICITED.test(address));
  const lost = packetsOf(withheld);
  if (lost / device.seconds < NOISE_PER_SECOND && packetsOf(solicited) < FEWEST) return undefined;
  const told = lost / device.seconds < NOISE_PER_SECOND ? solicited : withheld;
  return onDevice(device, {
    severity: 'warning',
    brief: `gets no multicast: ${port.bridge} snoops, and its port has not reported the group`,
    cause: `${nameOf(device)} gets none of ${framesOf(told)}: ${port.bridge} snoops multicast, and its port has not reported the group.`,
    evidence: [
      `${several(packetsOf(told), 'frame')} to ${several(new Set(told.map(({ address }) => address)).size, 'group')} came to the bridge by ${told[0]?.from ?? ''}`,
      'with a querier, a bridge that snoops sends only to ports that reported; nothing counts the rest',
      'no listener has reported the group at any port: it was never reported, or the report was lost',
    ],
    remedies: [
      hostCommand(
        device,
        window,
        'bridge -d mdb show',
        'Shows the groups that ports have reported, and the ports with multicast routers.',
      ),
      hostCommand(
        device,
        window,
        `ip link set dev ${quoted(port.bridge)} type bridge mcast_snooping 0`,
        'If the guest listens to the group: all ports get all groups from then on. A guest that reports it (IGMP, MLD) needs no change.',
      ),
    ],
    rejected: [{ rule: HOST_FIREWALL, because: 'the bridge chooses the ports before any rule of forward' }],
    confidence: 'medium',
  });
}

function notFlooded({ device, window, port }: Seen): Diagnosis | undefined {
  const withheld = withheldIn(device, ['no-flood']);
  const lost = packetsOf(withheld);
  const isIdle = lossTowards(device).offered === 0;
  if (lost < FEWEST || (lost / device.seconds < NOISE_PER_SECOND && !isIdle)) return undefined;
  const isBroadcast = withheld[0]?.address === BROADCAST;
  return onDevice(device, {
    severity: 'warning',
    brief: `gets no ${isBroadcast ? 'broadcasts' : 'multicast'}: its port of ${port.bridge} does not flood them`,
    cause: `${nameOf(device)} gets none of ${framesOf(withheld)}: its port of ${port.bridge} does not flood ${isBroadcast ? 'broadcasts' : 'multicast'}.`,
    evidence: [
      `${isBroadcast ? 'bcast_flood' : 'mcast_flood'} is off at its port; no counter has what is kept from it`,
    ],
    remedies: [
      setPort(
        device,
        window,
        `${isBroadcast ? 'bcast_flood' : 'mcast_flood'} on`,
        'The port gets them again. If it is meant, the host has to answer ARP in its place.',
      ),
    ],
    rejected: [{ rule: HOST_FIREWALL, because: 'the bridge chooses the ports before any rule of forward' }],
    confidence: 'medium',
  });
}

/** The other side's address is one of the bridge's own, and no device of the host has it. */
function takenByHost({ device, window, port }: Seen): Diagnosis | undefined {
  const astray = astrayIn(device).filter(({ cause }) => cause === 'host');
  const lost = packetsOf(astray);
  const [first] = astray;
  if (!first || lost < FEWEST) return undefined;
  return onDevice(device, {
    severity: 'warning',
    explains: lost,
    brief: `sends ${framesOf(astray)} that ${port.bridge} gives to the host itself`,
    cause: `${nameOf(device)}: the bridge ${port.bridge} gives ${framesOf(astray)} from its guest to the host itself, which has no device with that address.`,
    evidence: [`${HOW.local} ${first.port}`, `no device of the host has ${first.address}`],
    remedies: [
      hostCommand(
        device,
        window,
        `bridge fdb del ${first.address} dev ${quoted(first.port)} ${first.port === port.bridge ? 'self' : 'master'}`,
        'Deletes the entry: the bridge learns where the address is, and floods until then.',
      ),
    ],
    rejected: [{ rule: HOST_FIREWALL, because: 'the bridge chooses the port before any rule of forward' }],
    confidence: 'high',
  });
}

/** A bond, an 802.1X supplicant or the like in the guest talks to nobody. */
function keptFrom({ device, window, port }: Seen): Diagnosis | undefined {
  const kept = astrayIn(device).filter(({ cause }) => cause === 'kept');
  const lost = packetsOf(kept);
  const [first] = kept;
  if (!first || lost < FEWEST) return undefined;
  const number = Number.parseInt(first.address.slice(-1), 16);
  return onDevice(device, {
    severity: 'warning',
    explains: lost,
    brief: `sends ${NEIGHBOURLY[number] ?? 'frames'} that ${port.bridge} keeps`,
    cause: `${nameOf(device)}: the bridge ${port.bridge} keeps ${framesOf(kept)} from its guest, ${NEIGHBOURLY[number] ?? 'a protocol between neighbours'}: by the standard no bridge forwards these.`,
    evidence: ['group_fwd_mask of the bridge and of the port has no bit for this address; no counter has what is kept'],
    remedies: [
      hostCommand(
        device,
        window,
        forwardGroup(device, port.bridge, number),
        number > LAST_RESTRICTED
          ? 'If the guest is to speak to what is behind the bridge: it forwards them from then on. Add the bits that are set already (ip -d link show).'
          : 'If the guest is to speak to what is behind the bridge: its port forwards them from then on, which the bridge as a whole refuses.',
      ),
    ],
    rejected: [{ rule: HOST_FIREWALL, because: 'the bridge keeps them before any rule of forward' }],
    confidence: 'high',
  });
}

/** A bridge takes no bit of these, a port does (BR_GROUPFWD_RESTRICTED). */
const LAST_RESTRICTED = 2;

function forwardGroup({ now: { name } }: DeviceSpan, bridge: string, number: number): string {
  const mask = 1 << number;
  return number > LAST_RESTRICTED
    ? `ip link set dev ${quoted(bridge)} type bridge group_fwd_mask ${mask}`
    : `ip link set dev ${quoted(name)} type bridge_slave group_fwd_mask ${mask}`;
}

/** By the last digit of 01:80:c2:00:00:0x. */
const NEIGHBOURLY: Readonly<Record<number, string>> = {
  2: 'LACP or another slow protocol',
  3: '802.1X (EAPOL)',
  14: 'LLDP',
};

/** What the guest sends to many does not reach all ports. */
function notFloodedFrom({ device, window, port }: Seen): Diagnosis | undefined {
  const astray = astrayIn(device).filter(({ cause }) => cause === 'no-flood');
  const [first] = astray;
  const there = astray.filter((one) => one.port === first?.port);
  const lost = packetsOf(there);
  if (!first || lost / device.seconds < NOISE_PER_SECOND) return undefined;
  const isBroadcast = first.address === BROADCAST;
  const kind = isBroadcast ? 'broadcasts' : 'multicast';
  return onDevice(device, {
    severity: 'warning',
    explains: lost,
    brief: `sends ${kind} that do not reach ${first.port}: that port of ${port.bridge} does not flood them`,
    cause: `${nameOf(device)}: ${framesOf(there)} from its guest do not reach ${first.port}: that port of ${port.bridge} does not flood ${kind}.`,
    evidence: [
      `${isBroadcast ? 'bcast_flood' : 'mcast_flood'} is off at ${first.port}; no counter has what is kept from it`,
      `ports that do not get them: ${count(new Set(astray.map((one) => one.port)).size)}`,
    ],
    remedies: [
      hostCommand(
        device,
        window,
        `bridge link set dev ${quoted(first.port)} ${isBroadcast ? 'bcast_flood' : 'mcast_flood'} on`,
        'That port gets them again. If it is meant, nothing is to be done.',
      ),
    ],
    rejected: [{ rule: HOST_FIREWALL, because: 'the bridge chooses the ports before any rule of forward' }],
    confidence: 'medium',
  });
}

function packetsOf(withheld: readonly (WithheldFrames | AstrayFrames)[]): number {
  return withheld.reduce((sum, { packets }) => sum + packets, 0);
}

/** '2 780 frames to 01:00:5e:01:02:03' */
function framesOf(withheld: readonly (WithheldFrames | AstrayFrames)[]): string {
  const address = withheld[0]?.address ?? '';
  const others = new Set(withheld.map((one) => one.address)).size - 1;
  return `${several(packetsOf(withheld), 'frame')} to ${address}${others > 0 ? ` and ${several(others, 'other')}` : ''}`;
}

// SPDX-License-Identifier: Apache-2.0
import type { BridgePort, OtherDrop } from '../../snapshot/device.ts';
import { receivedFrom, refusedByHost } from '../evidence/from-guest.ts';
import type { Diagnosis, Severity } from '../finding.ts';
import { count, nameOf, several } from '../format.ts';
import { onDevice } from '../make-finding.ts';
import { openPort, setPort } from '../remedies/open-port.ts';
import type { Rule } from '../rule.ts';
import { HOST_FIREWALL, NO_READER } from '../rule-names.ts';
import { type DeviceSpan, grown, type Window } from '../window.ts';

/** The fewest packets that count: a guest sends fewer by itself. */
const FEWEST = 10;

export const bridgePort: Rule = {
  name: 'bridge-port',
  summary:
    'the bridge forwards nothing to the device: its port is disabled, blocked or isolated, or the bridge is down',
  explanation:
    'A bridge sends only to ports that forward. It skips a port that is disabled, blocking, listening or learning, and no counter shows that; packets that come in by such a port are dropped. ' +
    'The state was set by hand (bridge link set), or by the spanning tree of the kernel or of a daemon. If the bridge itself is down, all its ports are disabled. A port that has just been added or set up listens and learns for twice forward_delay with the spanning tree, once without.\n\n' +
    'Two isolated ports cannot reach each other. A port with flood off gets only packets to addresses that the bridge has seen behind it. Both are usually intended: they are reported only for a device that was asked about and that got nothing. ' +
    'A port that the spanning tree blocks is healthy where a second way leads there.',
  symptom: 'loss-in-bridge',
  needs: ['devices'],
  judge: (window, asked) => window.devices.flatMap((device) => judged(device, window, device === asked)),
};

function judged(device: DeviceSpan, window: Window, isAsked: boolean): readonly Diagnosis[] {
  const { up, carrier, attachedQueues, bridgePort: port } = device.now;
  // Without carrier the bridge disables the port itself; then the question is who has the device open.
  if (!up || !carrier || attachedQueues === 0 || !port || port === 'unread') return [];
  if (!forwards(port)) return closed(device, window, port, isAsked);
  const isSilent = isAsked && device.steps.every(isOpen) && gotFrom(device) === 0;
  if (!isSilent) return [];
  if (port.isolatedBeside > 0) return [isolated(device, window, port)];
  return port.floods || (port.learns && receivedFrom(device) > 0) ? [] : [unknownTo(device, window, port)];
}

function forwards({ bridgeUp, state }: BridgePort): boolean {
  return bridgeUp && state === 'forwarding';
}

/** Before Linux 6.13 the function alone says so. */
function isAtClosedPort({ reason, location }: OtherDrop): boolean {
  return reason === 'BRIDGE_INGRESS_STP_STATE' || (reason === 'NOT_SPECIFIED' && location === 'br_handle_frame');
}

function isOpen({ bridgePort: port }: DeviceSpan['now']): boolean {
  return port !== undefined && port !== 'unread' && forwards(port);
}

function gotFrom(device: DeviceSpan): number {
  return grown(device, ({ counters }) => (counters ? counters.txPackets + counters.txDropped : undefined)) ?? 0;
}

function closed(device: DeviceSpan, window: Window, port: BridgePort, isAsked: boolean): readonly Diagnosis[] {
  const wasOpen = isOpen(device.before);
  const used = receivedFrom(device) + (wasOpen ? gotFrom(device) : 0);
  const severity = severityOf(port, used, isAsked);
  if (!severity) return [];
  const seconds = device.seconds.toFixed(0);
  return [
    onDevice(device, {
      severity,
      // host-refuses has these too, and does not know why the port is closed.
      explains: refusedByHost(device, isAtClosedPort),
      brief: `gets nothing from the bridge ${port.bridge}: ${whyClosed(port)}`,
      cause: `${nameOf(device)}: the bridge ${port.bridge} forwards nothing to it and takes nothing from it: ${whyClosed(port)}.`,
      evidence: [
        `${port.bridge} is ${port.bridgeUp ? 'up' : 'down'}, the port’s state is ${port.state}; only forwarding ports get anything`,
        `spanning tree: ${STP[port.stp]}`,
        wasOpen ? `it forwarded when the sample began, and stopped within ${seconds} s` : undefined,
        !wasOpen && used > 0
          ? `${several(used, 'packet')} that its guest sent in ${seconds} s met the closed port`
          : undefined,
      ],
      remedies: openPort(device, window, port),
      rejected: [
        { rule: NO_READER, because: 'a process has the device open' },
        { rule: HOST_FIREWALL, because: 'the bridge looks at the port’s state before any rule of forward' },
      ],
      confidence: 'high',
    }),
  ];
}

const STP = { off: 'off, the state was set by hand', kernel: 'the kernel’s', user: 'a daemon’s' } as const;

/** undefined: nothing is known to be lost, and no operator asks. */
function severityOf({ bridgeUp, state, stp }: BridgePort, used: number, isAsked: boolean): Severity | undefined {
  if (isAsked) return 'warning';
  const isPassing = state === 'listening' || state === 'learning';
  if (used < FEWEST || (bridgeUp && isPassing)) return undefined;
  return bridgeUp && state === 'blocking' && stp !== 'off' ? 'info' : 'warning';
}

function whyClosed({ bridgeUp, state, stp, bridge }: BridgePort): string {
  if (!bridgeUp) return `${bridge} is down`;
  if (state === 'disabled') return 'its port is disabled';
  if (state === 'blocking') return stp === 'off' ? 'its port is blocked' : 'the spanning tree blocks its port';
  return `its port is still ${state}, which ends by itself within 30 s unless it was set by hand`;
}

function isolated(device: DeviceSpan, window: Window, { bridge, isolatedBeside }: BridgePort): Diagnosis {
  return onDevice(device, {
    severity: 'warning',
    brief: `gets nothing from ${several(isolatedBeside, 'port')} of the bridge ${bridge}: they are isolated, and so is it`,
    cause: `${nameOf(device)} got nothing, and the bridge ${bridge} forwards nothing to it from ${count(isolatedBeside)} of its ports: they are isolated, and so is it.`,
    evidence: [
      `0 packets reached it in ${device.seconds.toFixed(0)} s`,
      `isolated ports beside it: ${count(isolatedBeside)}; packets between two isolated ports are lost uncounted`,
    ],
    remedies: [
      setPort(
        device,
        window,
        'isolated off',
        'All ports may send to it again. If the isolation is meant, nothing is to be done: only the others are reached.',
      ),
    ],
    rejected: [{ rule: HOST_FIREWALL, because: 'the bridge passes over isolated ports before any rule of forward' }],
    confidence: 'medium',
  });
}

function unknownTo(device: DeviceSpan, window: Window, { bridge, learns }: BridgePort): Diagnosis {
  return onDevice(device, {
    severity: 'warning',
    brief: `gets only what is known to be behind it: its port of the bridge ${bridge} does not flood`,
    cause: `${nameOf(device)} got nothing, and the bridge ${bridge} sends it only what goes to addresses known to be behind it: its port does not flood.`,
    evidence: [
      `0 packets reached it and ${count(receivedFrom(device))} came from it in ${device.seconds.toFixed(0)} s`,
      `flood off, learning ${learns ? 'on: the bridge forgets an address 300 s after its last packet' : 'off: the bridge learns no address from what it sends'}`,
    ],
    remedies: [
      setPort(
        device,
        window,
        'flood on',
        'It gets what goes to unknown addresses too. Where flooding is off on purpose, add its address: bridge fdb add … master static.',
      ),
    ],
    rejected: [{ rule: HOST_FIREWALL, because: 'the bridge passes over the port before any rule of forward' }],
    confidence: 'low',
  });
}

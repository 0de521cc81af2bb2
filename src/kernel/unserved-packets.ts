// SPDX-License-Identifier: Apache-2.0
// Packets that the host itself took and did not serve, by counter of the namespace: the kernel frees them as if they had been used.
import { errnoOf } from './error-name.ts';
import { namespaceFile } from './native.ts';

/** More than a kernel has in such a file. */
const MOST_BYTES = 1 << 16;

/** Since the namespace was made; those that are not zero. */
export type UnservedPackets = Readonly<Record<string, number>>;

export async function readUnservedPackets(netnsPath: string | undefined): Promise<UnservedPackets> {
  const text = async (name: string): Promise<string> =>
    namespaceFile(netnsPath, name, MOST_BYTES).catch((error: unknown) => {
      if (errnoOf(error) === 'ENOENT') return ''; // a kernel without IPv6
      throw error;
    });
  return parseUnserved(await text('netstat'), await text('snmp'), await text('snmp6'));
}

/** Of /proc/net/netstat, snmp and snmp6. ListenDrops: connection requests. Unanswered: pings, where the host does not answer any (icmp_echo_ignore_all). */
export function parseUnserved(netstat: string, snmp: string, snmp6: string): UnservedPackets {
  const echoes = valueIn(snmp, 'Icmp', 'InEchos') - valueIn(snmp, 'Icmp', 'OutEchoReps');
  const echoes6 = lineIn(snmp6, 'Icmp6InEchos') - lineIn(snmp6, 'Icmp6OutEchoReplies');
  const counters = {
    ListenDrops: valueIn(netstat, 'TcpExt', 'ListenDrops'),
    UnansweredEchoes: Math.max(0, echoes) + Math.max(0, echoes6),
  };
  return Object.fromEntries(Object.entries(counters).filter(([, packets]) => packets > 0));
}

/** A line of names and one of numbers for each protocol. */
function valueIn(text: string, protocol: string, name: string): number {
  const [names = [], values = []] = text
    .split('\n')
    .filter((line) => line.startsWith(`${protocol}: `))
    .map((line) => line.split(' '));
  return Number(values[names.indexOf(name)] ?? 0);
}

/** A line for each counter. */
function lineIn(text: string, name: string): number {
  return Number(new RegExp(`^${name}\\s+(\\d+)$`, 'm').exec(text)?.[1] ?? 0);
}

// SPDX-License-Identifier: Apache-2.0
// Packets that a namespace would not let its programs send, by counter: they were refused before there was a packet to free.
import { errnoOf } from './error-name.ts';
import { namespaceFile } from './native.ts';

/** More than a kernel has in such a file. */
const MOST_BYTES = 1 << 16;
/** IPsec on the way out, but for XfrmOutBundle…: these packets are freed, with a reason. */
const IPSEC = /^(XfrmOut(?:Error|NoStates|State\w+|Pol\w+))\s+(\d+)$/gm;

/** By the name of the counter; those that are not zero. */
export type RefusedSends = Readonly<Record<string, number>>;

export async function readRefusedSends(netnsPath: string | undefined): Promise<RefusedSends> {
  const text = async (name: string): Promise<string> =>
    namespaceFile(netnsPath, name, MOST_BYTES).catch((error: unknown) => {
      if (errnoOf(error) === 'ENOENT') return ''; // a kernel without IPsec
      throw error;
    });
  return { ...parseIpsec(await text('xfrm_stat')), ...parseNoRoutes(await text('snmp')) };
}

/** Of /proc/net/xfrm_stat. */
export function parseIpsec(text: string): RefusedSends {
  const counters = [...text.matchAll(IPSEC)].map(([, name = '', value = '']) => [name, Number(value)] as const);
  return Object.fromEntries(counters.filter(([, value]) => value > 0));
}

/** OutNoRoutes of /proc/net/snmp: a line of names and one of numbers for each protocol. */
export function parseNoRoutes(text: string): RefusedSends {
  const [names = [], values = []] = text
    .split('\n')
    .filter((line) => line.startsWith('Ip: '))
    .map((line) => line.split(' '));
  const value = Number(values[names.indexOf('OutNoRoutes')] ?? 0);
  return value > 0 ? { OutNoRoutes: value } : {};
}

// SPDX-License-Identifier: Apache-2.0
// Connections whose source the host translates (SNAT, masquerade) and that have no answer yet, by ctnetlink.
import { access } from 'node:fs/promises';
import { netlinkRequest } from './native.ts';
import { type Attributes, filteredDumpRequest, messagesOf, nested, u32Bytes } from './netlink-message.ts';
import { addressText } from './rtnetlink-routes.ts';

export interface UnansweredSource {
  /** Of the one who sends, and what is written in its place. */
  readonly from: string;
  readonly as: string;
}

// linux/netfilter/nfnetlink_conntrack.h, nf_conntrack_common.h: stable ABI; numbers are in network order
const CT_NEW = 0x100;
const CT_GET = 0x101;
const NFGENMSG_SIZE = 4;
const CTA_TUPLE_ORIG = 1;
const CTA_TUPLE_REPLY = 2;
const CTA_STATUS = 3;
/** Since Linux 5.18; older ones send all connections. */
const CTA_STATUS_MASK = 26;
const CTA_TUPLE_IP = 1;
const SOURCE = [1, 3] as const;
const DESTINATION = [2, 4] as const;
const SEEN_REPLY = 2;
const SRC_NAT = 16;
const IN_USE = '/proc/sys/net/netfilter/nf_conntrack_count';

/** Empty where nothing is tracked: to ask would load the module. */
export async function readUnansweredSources(
  netnsPath: string | undefined,
  mostBytes: number,
): Promise<readonly UnansweredSource[]> {
  const isInUse = await access(IN_USE).then(
    () => true,
    () => false,
  );
  if (!isInUse) return [];
  const chosen = new Map([
    [CTA_STATUS, u32Bytes(SRC_NAT).reverse()],
    [CTA_STATUS_MASK, u32Bytes(SRC_NAT | SEEN_REPLY).reverse()],
  ]);
  const request = filteredDumpRequest(CT_GET, NFGENMSG_SIZE, {}, chosen);
  return parseUnanswered(await netlinkRequest(netnsPath, request, mostBytes));
}

function parseUnanswered(reply: Uint8Array): readonly UnansweredSource[] {
  const found = messagesOf(reply, CT_NEW, NFGENMSG_SIZE).flatMap(({ attributes }) => {
    const status = attributes.get(CTA_STATUS)?.getUint32(0) ?? 0;
    const from = addressIn(attributes.get(CTA_TUPLE_ORIG), SOURCE);
    const as = addressIn(attributes.get(CTA_TUPLE_REPLY), DESTINATION);
    const isWanted = (status & (SRC_NAT | SEEN_REPLY)) === SRC_NAT;
    return isWanted && from !== undefined && as !== undefined ? [{ from, as }] : [];
  });
  return [...new Map(found.map((one) => [`${one.from} ${one.as}`, one])).values()];
}

function addressIn(tuple: DataView | undefined, [ipv4, ipv6]: readonly [number, number]): string | undefined {
  const addresses: Attributes = nested(nested(tuple).get(CTA_TUPLE_IP));
  const view = addresses.get(ipv4) ?? addresses.get(ipv6);
  return view && addressText(new Uint8Array(view.buffer, view.byteOffset, view.byteLength));
}

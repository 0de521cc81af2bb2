// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// Replies of rtnetlink, good, damaged and made up: read, or refused with the place where they break; and what is written is read.
import assert from 'node:assert/strict';
import { array, integer, oneof, record, tuple, uint8Array } from 'fast-check';
import { damaged } from '../../test/fuzz/damage.ts';
import { holdsForAll } from '../../test/fuzz/property.ts';
import { changeRequest, messagesOf, nested } from './netlink-message.ts';
import { parseLinks, parseQdiscs } from './rtnetlink.ts';

const LINK = { type: 16, header: 16 };
const QDISC = { type: 36, header: 20 };
/** Attributes that a reply has, some of which hold others. */
const number = integer({ min: 0, max: 24 });
const value = uint8Array({ maxLength: 80 });

function joined(attributes: readonly (readonly [number, Uint8Array])[], { type, header }: typeof LINK): Uint8Array {
  return changeRequest(type, header, header === 0 ? {} : { 4: 7, 8: 0x1043 }, new Map(attributes));
}

/** The attributes of a message, without its headers: what an attribute holds that holds others. */
const inner = array(tuple(number, value), { maxLength: 4 }).map((all) =>
  joined(all, { type: 0, header: 0 }).subarray(16),
);
const link = array(tuple(number, oneof(value, inner)), { maxLength: 6 }).map((all) => joined(all, LINK));
const qdisc = array(tuple(number, oneof(value, inner)), { maxLength: 6 }).map((all) => joined(all, QDISC));
const reply = array(oneof(link, qdisc), { minLength: 1, maxLength: 3 }).map((all) => Buffer.concat(all));

/** The parsers make one device or qdisc of a message at most, and each value has the type that is declared. */
function assertRead(bytes: Uint8Array): void {
  for (const parse of [parseLinks, parseQdiscs]) {
    try {
      const read = parse(bytes);
      assert.ok(read.length <= bytes.length / 16);
      for (const one of read)
        for (const each of Object.values('stats64' in one ? one.stats64 : one.stats)) assert.ok(each >= 0);
    } catch (error) {
      assert.match(
        String(error),
        /^\w*Error: The kernel's rtnetlink reply has a broken (message|attribute)( at byte \d+)?: report this/,
      );
    }
  }
}

holdsForAll('messages of any attributes', reply, assertRead, { examples: [joined([[23, new Uint8Array(8)]], LINK)] });
holdsForAll('messages of bytes', uint8Array({ maxLength: 120 }), assertRead);

const stats = Buffer.from(BigUint64Array.from([1n, 2n, 3n, 4n, 5n, 6n, 7n, 8n]).buffer);
const info = joined(
  [
    [1, Buffer.from('tun\0')],
    [2, joined([[3, Buffer.of(2)]], { type: 0, header: 0 }).subarray(16)],
  ],
  { type: 0, header: 0 },
).subarray(16);
const good = Buffer.concat([
  joined(
    [
      [3, Buffer.from('tap0\0')],
      [18, info],
      [23, stats],
    ],
    LINK,
  ),
  joined(
    [
      [1, Buffer.from('mq\0')],
      [7, info],
    ],
    QDISC,
  ),
]);
assert.equal(parseLinks(good)[0]?.tun?.type, 'tap');
holdsForAll('a good reply, damaged', damaged(good), assertRead);

holdsForAll(
  'attributes that are written are read',
  record({ all: array(tuple(number, value), { maxLength: 8 }), pairs: array(tuple(number, value), { maxLength: 4 }) }),
  ({ all, pairs }) => {
    const holder = 30;
    const within = joined(pairs, { type: 0, header: 0 }).subarray(16);
    const [message] = messagesOf(joined([...all, [holder, within]], LINK), LINK.type, LINK.header);
    assert.ok(message);
    const bytesOf = (view: DataView | undefined) =>
      view && new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
    for (const [key, written] of new Map(all))
      assert.deepEqual(bytesOf(message.attributes.get(key)), Uint8Array.from(written));
    const read = nested(message.attributes.get(holder));
    for (const [key, written] of new Map(pairs)) assert.deepEqual(bytesOf(read.get(key)), Uint8Array.from(written));
  },
  { runs: 4000 },
);

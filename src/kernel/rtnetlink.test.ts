// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { endianness } from 'node:os';
import { test } from 'node:test';
import { linkDumpRequest, parseLinks, parseQdiscs, qdiscDumpRequest } from './rtnetlink.ts';

const NLA_F_NESTED = 0x8000;

/** Words of 16, 32 and 64 bits in host order. */
const u16 = (value: number): Buffer => Buffer.from(Uint16Array.of(value).buffer);
const u32 = (...values: number[]): Buffer => Buffer.from(Uint32Array.from(values).buffer);
const u64 = (...values: bigint[]): Buffer => Buffer.from(BigUint64Array.from(values).buffer);

function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)]);
}

function attribute(type: number, ...values: Buffer[]): Buffer {
  const value = Buffer.concat(values);
  return padded(Buffer.concat([u16(4 + value.length), u16(type), value]));
}

function message(type: number, ...parts: Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  return padded(Buffer.concat([u32(16 + body.length), u16(type), u16(2), u32(1, 0), body]));
}

function link(...attributes: Buffer[]): Buffer {
  return message(16, u32(0, 7, 0x1043, 0), ...attributes);
}

function nameOf(bytes: Buffer): string | undefined {
  return parseLinks(link(attribute(3, bytes)))[0]?.name;
}

test('requests ask for everything', () => {
  const flags = endianness() === 'LE' ? [1, 3] : [3, 1];
  assert.deepEqual([...linkDumpRequest().subarray(6, 8)], flags);
  assert.equal(linkDumpRequest().length, 32);
  assert.equal(qdiscDumpRequest().length, 36);
});

test('names of any bytes are told apart', () => {
  assert.equal(nameOf(Buffer.from('tap0\0')), 'tap0');
  assert.equal(nameOf(Buffer.from('tap0')), 'tap0');
  assert.equal(nameOf(Buffer.from('a"\\\n\u00fc\u20ac\0')), 'a"\\\\x0a\u00fc\u20ac');
  assert.equal(nameOf(Buffer.from('\ufefftap\0')), '\\xef\\xbb\\xbftap');
  assert.equal(nameOf(Buffer.from([0x74, 0xff, 0])), 't\\xff');
  assert.equal(nameOf(Buffer.from([0x74, 0xfe, 0])), 't\\xfe');
});

test('a link with all that is read', () => {
  const tun = [
    attribute(1, u32(1000)),
    attribute(3, Buffer.of(2)),
    attribute(5, Buffer.of(1)),
    attribute(6, Buffer.of(0)),
    attribute(7, Buffer.of(1)),
    attribute(8, u32(3)),
    attribute(9, u32(2)),
  ];
  const info = attribute(18 | NLA_F_NESTED, attribute(1, Buffer.from('tun\0')), attribute(2 | NLA_F_NESTED, ...tun));
  const stats = attribute(23, u64(1n, 2n, 3n, 2n ** 53n, 5n, 6n, 7n, 8n, 9n));
  const words = [attribute(13, u32(500)), attribute(16, Buffer.of(6))];
  const texts = [attribute(3, Buffer.from('tap0\0')), attribute(6, Buffer.from('mq\0'))];
  assert.deepEqual(parseLinks(link(...words, ...texts, info, stats)), [
    {
      ifindex: 7,
      name: 'tap0',
      flags: 0x1043,
      txqlen: 500,
      operstate: 'up',
      qdisc: 'mq',
      kind: 'tun',
      tun: {
        type: 'tap',
        multiQueue: true,
        numQueues: 3,
        numDisabledQueues: 2,
        vnetHdr: true,
        persist: false,
        owner: 1000,
      },
      stats64: {
        rxPackets: 1,
        txPackets: 2,
        rxBytes: 3,
        txBytes: 2 ** 53,
        rxDropped: 7,
        txDropped: 8,
      },
    },
  ]);
});

test('a link with nothing but its header', () => {
  const [bare] = parseLinks(link());
  assert.equal(bare?.name, '');
  assert.equal(bare?.kind, undefined);
  assert.equal(bare?.tun, undefined);
  assert.equal(bare?.operstate, 'unknown');
  assert.equal(bare?.stats64.txDropped, 0);
});

test('qdisc statistics, of 32 and of 64 bits', () => {
  const basic = attribute(1, u64(1_000_000_000_000n), u32(9));
  const queue = attribute(3, u32(1, 2, 3, 4, 5));
  const stats = { bytes: 1e12, packets: 9, drops: 3, overlimits: 5, requeues: 4, qlen: 1, backlog: 2 };
  const qdisc = (...inner: Buffer[]): Buffer =>
    message(36, u32(0, 7, 0x80010000, 0xffffffff, 2), attribute(1, Buffer.from('fq\0')), attribute(7, ...inner));
  const expected = { ifindex: 7, handle: 0x80010000, parent: 0xffffffff, kind: 'fq' };
  assert.deepEqual(parseQdiscs(qdisc(basic, queue)), [{ ...expected, stats }]);
  const wide = qdisc(basic, attribute(8, u64(2n ** 32n + 9n)), queue);
  assert.deepEqual(parseQdiscs(wide), [{ ...expected, stats: { ...stats, packets: 2 ** 32 + 9 } }]);
});

test('several messages, some of another type', () => {
  const reply = Buffer.concat([link(attribute(3, Buffer.from('a'))), message(99, u32(1)), link(attribute(3, u32(0)))]);
  assert.deepEqual(
    parseLinks(reply).map(({ name }) => name),
    ['a', ''],
  );
  assert.deepEqual(parseQdiscs(reply), []);
  assert.deepEqual(parseLinks(new Uint8Array(0)), []);
});

test('a broken reply is an error, not a link', () => {
  const whole = link(attribute(3, Buffer.from('tap0')));
  const longAttribute = Buffer.from(whole);
  u16(200).copy(longAttribute, 32);
  const broken: Record<string, Buffer> = {
    'cut in the header': whole.subarray(0, 10),
    'cut in the attributes': whole.subarray(0, 36),
    'no room for its own header': message(16, u32(0)),
    'an attribute longer than the message': longAttribute,
  };
  for (const [what, bytes] of Object.entries(broken)) assert.throws(() => parseLinks(bytes), RangeError, what);
});

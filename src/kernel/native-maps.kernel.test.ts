// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel.
// The addon's maps on the real kernel: entries one by one and all at once, and memory that is mapped.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { failure, fixturePath, loadFixture, offsetOf } from '../../addon/test/fixture.ts';
import type { MapView } from './map-view.ts';
import { type BpfLink, BpfObject } from './native.ts';

const BPF_NOEXIST = 1;

function u32(value: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(value).buffer);
}

function u64(value: bigint): Uint8Array {
  return new Uint8Array(BigUint64Array.of(value).buffer);
}

function put(object: BpfObject, count: number): void {
  for (let key = 0; key < count; key++) object.update('pairs', u32(key), u64(BigInt(key) * 3n));
}

test('entries come, change and go', (t) => {
  const object = loadFixture(t);
  const value = new Uint8Array(8);
  assert.equal(object.lookup('pairs', u32(7), value), false);
  object.update('pairs', u32(7), u64(70n));
  assert.throws(
    () => object.update('pairs', u32(7), u64(71n), BPF_NOEXIST),
    failure('EEXIST', /^update map pairs of /),
  );
  assert.equal(object.lookup('pairs', u32(7), value), true);
  assert.deepEqual(value, u64(70n));
  assert.equal(object.remove('pairs', u32(7)), true);
  assert.equal(object.remove('pairs', u32(7)), false);
  assert.throws(() => object.remove('counts', u32(0)), failure('EINVAL', /^remove from map counts of /));
});

test('keys and values of another length never reach the kernel', (t) => {
  const object = loadFixture(t);
  for (const map of object.maps.filter(({ keySize }) => keySize > 0)) {
    const { name, keySize, copySize } = map;
    const key = new Uint8Array(keySize);
    const value = new Uint8Array(copySize);
    for (const bytes of [0, keySize - 1, keySize + 1, 2 ** 16]) {
      const wrong = new Uint8Array(bytes);
      const refused = failure('EINVAL', new RegExp(`its keys have ${keySize} bytes, not ${bytes}$`));
      assert.throws(() => object.lookup(name, wrong, value), refused, name);
      assert.throws(() => object.update(name, wrong, value), refused, name);
      assert.throws(() => object.remove(name, wrong), refused, name);
    }
    for (const bytes of [0, 1, copySize - 1, copySize + 1, 2 * copySize].filter((one) => one !== copySize)) {
      const wrong = new Uint8Array(bytes);
      const refused = failure('EINVAL', new RegExp(`its values have ${copySize} bytes, not ${bytes}$`));
      assert.throws(() => object.lookup(name, key, wrong), refused, name);
      assert.throws(() => object.update(name, key, wrong), refused, name);
    }
  }
});

test('a value that would be written beyond its array leaves what lies behind untouched', (t) => {
  const object = loadFixture(t);
  put(object, 8);
  const memory = new Uint8Array(64).fill(0xaa);
  assert.throws(
    () => object.lookup('pairs', u32(7), memory.subarray(0, 4)),
    failure('EINVAL', /^look up in map pairs /),
  );
  assert.ok(memory.every((byte) => byte === 0xaa));
});

test('all entries of a hash map at once', (t) => {
  const object = loadFixture(t);
  assert.equal(object.entries('pairs', new Uint8Array(0), new Uint8Array(0)), 0);
  put(object, 600);
  const keys = new Uint32Array(600);
  const values = new BigUint64Array(700);
  assert.equal(object.entries('pairs', new Uint8Array(keys.buffer), new Uint8Array(values.buffer)), 600);
  const seen = new Map([...keys].map((key, index) => [key, values[index]]));
  assert.equal(seen.size, 600);
  for (const [key, value] of seen) assert.equal(value, BigInt(key) * 3n);
});

test('entries that do not all fit are an error', (t) => {
  const object = loadFixture(t);
  put(object, 600);
  for (const room of [0, 1, 599]) {
    const read = (): number => object.entries('pairs', new Uint8Array(600 * 4), new Uint8Array(room * 8));
    assert.throws(read, failure('ENOSPC', /^read map pairs of /), `room for ${room}`);
  }
});

test('an array has all its entries, in order', (t) => {
  const object = loadFixture(t);
  object.update('counts', u32(2), u64(5n));
  const keys = new Uint32Array(3);
  const values = new BigUint64Array(3);
  assert.equal(object.entries('counts', new Uint8Array(keys.buffer), new Uint8Array(values.buffer)), 3);
  assert.deepEqual([...keys], [0, 1, 2]);
  assert.deepEqual([...values], [0n, 0n, 5n]);
  const read = (): number => object.entries('counts', new Uint8Array(8), new Uint8Array(16));
  assert.throws(read, failure('ENOSPC', /^read map counts of /));
});

test('a map type without batches is read one by one', (t) => {
  const object = loadFixture(t);
  const loopback = u32(1);
  for (const key of [4, 5, 6]) object.update('devices', u32(key), loopback);
  const keys = new Uint32Array(3);
  const values = new Uint32Array(3);
  assert.equal(object.entries('devices', new Uint8Array(keys.buffer), new Uint8Array(values.buffer)), 3);
  assert.deepEqual([...keys].sort(), [4, 5, 6]);
  assert.deepEqual([...values], [1, 1, 1]);
  const read = (): number => object.entries('devices', new Uint8Array(8), new Uint8Array(8));
  assert.throws(read, failure('ENOSPC', /^read map devices of /));
});

test('per-CPU values have a place for each CPU', (t) => {
  const object = loadFixture(t);
  const copySize = object.maps.find(({ name }) => name === 'percpu')?.copySize ?? 0;
  assert.ok(copySize >= 8 && copySize % 8 === 0);
  const value = Uint8Array.from({ length: copySize }, (_, at) => (at % 8 === 0 ? at / 8 + 1 : 0));
  object.update('percpu', u32(1), value);
  const values = new Uint8Array(2 * copySize);
  assert.equal(object.entries('percpu', new Uint8Array(8), values), 2);
  assert.deepEqual(values.subarray(copySize), value);
});

test('a view shows what the kernel counts meanwhile', (t) => {
  const object = loadFixture(t);
  const counts = object.mapView('counts');
  const bss = object.mapView('.bss');
  const calls = offsetOf(object, 'calls');
  assert.equal(counts.u64(8), 0);
  const link = object.attach('count_calls');
  readFileSync('/proc/self/stat');
  const first = counts.u64(8);
  readFileSync('/proc/self/stat');
  const second = counts.u64(8);
  link.detach();
  assert.ok(first > 0 && second > first, `${first}, ${second}`);
  assert.ok(bss.u64(calls) >= second);
  const last = counts.u64(8);
  readFileSync('/proc/self/stat');
  assert.equal(counts.u64(8), last);
});

test('views have the size of the values, in multiples of 8', (t) => {
  const object = loadFixture(t);
  assert.equal(object.mapView('counts').byteLength, 24);
  assert.equal(object.mapView('odd').byteLength, 32);
  object.update('odd', u32(1), new TextEncoder().encode('twelve bytes'));
  assert.equal(object.mapView('odd').text(16, 12), 'twelve bytes');
  assert.equal(object.mapView('.rodata').u64(0), 5);
  assert.equal(object.mapView('fixture.bss').byteLength, object.mapView('.bss').byteLength);
  assert.throws(() => object.mapView('pairs'), failure('ENOTSUPP', /^map into memory map pairs of .*: Not supported/));
});

test('garbage collection unmaps, close() does not', async (t) => {
  const mapped = (): number => readFileSync('/proc/self/maps', 'utf8').split('bpf-map').length - 1;
  const object = loadFixture(t);
  const view = object.mapView('counts');
  for (let i = 0; i < 5; i++) object.mapView('counts');
  assert.ok(mapped() >= 6);
  object.close();
  await collectUntil(() => mapped() === 1);
  assert.equal(view.u64(8), 0);
});

test('garbage collection of the object detaches, even while the link is kept', async () => {
  const start = (): { readonly view: MapView; readonly link: BpfLink } => {
    const object = new BpfObject(fixturePath);
    object.load();
    return { view: object.mapView('counts'), link: object.attach('count_calls') };
  };
  const { view, link } = start();
  await collectUntil(() => {
    const before = view.u64(8);
    readFileSync('/proc/self/stat');
    return view.u64(8) === before;
  });
  link.detach();
});

async function collectUntil(done: () => boolean): Promise<void> {
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  assert.ok(typeof collect === 'function');
  for (let i = 0; i < 50; i++) {
    if (done()) return;
    collect();
    await setImmediate();
  }
  assert.fail('50 collections did not collect it');
}

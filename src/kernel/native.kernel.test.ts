// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel, alone.
// The addon on the real kernel, with the object of addon/test/fixture.bpf.c: an object's life, its programs, its types.
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { failure, fixturePath, loadFixture, offsetOf, openFixture } from '../../addon/test/fixture.ts';
import { BpfObject, Btf, libbpfVersion } from './native.ts';

function openFds(): number {
  return readdirSync('/proc/self/fd').length;
}

function answer(object: BpfObject): bigint {
  const context = new BigUint64Array(2);
  assert.equal(object.testRun('answer', new Uint8Array(context.buffer)), -3);
  return context[1] ?? 0n;
}

test('the library tells its version', () => assert.match(libbpfVersion(), /^v1\.\d+/));

test('a file that is missing or no object', () => {
  assert.throws(() => new BpfObject('/no/such.bpf.o'), failure('ENOENT', /^open \/no\/such\.bpf\.o: No such file/));
  assert.throws(() => new BpfObject('/proc/self/exe'), failure('ELIBBPF', /^open \/proc\/self\/exe: /));
  assert.throws(() => new BpfObject('/etc/passwd'), failure('ELIBBPF', /^open \/etc\/passwd: /));
});

test('an open object names its programs and maps', (t) => {
  const object = openFixture(t);
  assert.deepEqual(
    object.programs.map(({ name, section }) => `${name} ${section}`),
    [
      'count_calls raw_tp/sys_enter',
      'answer syscall',
      'produce syscall',
      'list_maps iter/bpf_map',
      'refused raw_tp/sys_exit',
      'homeless raw_tp/tapscope_no_such_tracepoint',
      'rootless fentry/tapscope_no_such_function',
    ],
  );
  const pairs = object.maps.find(({ name }) => name === 'pairs');
  assert.deepEqual(pairs, {
    name: 'pairs',
    type: 1,
    keySize: 4,
    valueSize: 8,
    copySize: 8,
    maxEntries: 1000,
    flags: 0,
  });
  assert.ok(object.maps.some(({ name }) => name === 'fixture.bss'));
});

test('what the object lacks is ENOENT, what must wait for load() is EINVAL', (t) => {
  const object = openFixture(t);
  assert.throws(
    () => object.setAutoload('missing', true),
    failure('ENOENT', /^find program missing of .*: No such file/),
  );
  assert.throws(() => object.setMaxEntries('nowhere', 1), failure('ENOENT', /^find map nowhere of /));
  assert.throws(() => object.setValueSize('.bss', 1 << 30), failure('EINVAL', /^resize the values of map /));
  assert.throws(() => object.setVariable('nothing', new Uint8Array(8)), failure('ENOENT', /^set variable nothing of /));
  assert.throws(() => object.attach('count_calls'), failure('EINVAL', /not loaded/));
  assert.throws(() => object.mapView('counts'), failure('EINVAL', /not loaded/));
  assert.throws(() => object.testRun('answer', new Uint8Array(16)), failure('EINVAL', /not loaded/));
});

test('variables take bytes of their size until load()', (t) => {
  const object = openFixture(t);
  object.setVariable('knob', new Uint8Array(BigUint64Array.of(1000n).buffer));
  object.setVariable('letters', Uint8Array.of(24, 0, 0, 0));
  assert.throws(() => object.setVariable('knob', new Uint8Array(4)), failure('EINVAL', /has 8 bytes, not 4/));
  object.load();
  assert.equal(answer(object), 1024n);
  assert.throws(() => object.setVariable('knob', new Uint8Array(8)), failure('EBUSY', /when the object is loaded/));
});

test('a variable of .bss starts as told', (t) => {
  const object = openFixture(t);
  object.setVariable('lost', new Uint8Array(BigUint64Array.of(41n).buffer));
  object.load();
  assert.equal(object.mapView('.bss').u64(offsetOf(object, 'lost')), 41);
});

test('a program that the verifier refuses is named, with its last words', (t) => {
  const object = openFixture(t);
  object.setAutoload('refused', true);
  assert.throws(
    () => object.load(),
    failure('EACCES', /^load program refused of .*: Permission denied\n.*map_value_or_null/s),
  );
  assert.throws(
    () => object.load(),
    (error: unknown) => error instanceof Error && error.message.split('\n').length <= 21,
  );
  assert.throws(() => object.attach('count_calls'), failure('EINVAL', /not loaded/));
  object.close();
});

test('an attach type that does not fit is refused', (t) => {
  const object = openFixture(t);
  object.setAttachType('list_maps', 0);
  assert.throws(() => object.load(), failure('ESRCH', /^load program list_maps of /));
});

test('a tracepoint that the kernel lacks is refused at attach', (t) => {
  const object = openFixture(t);
  object.setAutoload('homeless', true);
  object.load();
  assert.throws(
    () => object.attach('homeless'),
    failure('ENOENT', /^attach program homeless of .*: No such file.*tapscope_no_such/s),
  );
});

test('a function that neither the modules nor the kernel have is refused at load', (t) => {
  const object = openFixture(t);
  object.setAutoload('rootless', true);
  assert.throws(() => object.load(['tun', 'no_such_module']), failure('ESRCH', /^load program rootless of /));
});

test('a program that was left out cannot be used', (t) => {
  const object = loadFixture(t);
  assert.throws(() => object.attach('refused'), failure('EINVAL', /it was not loaded with the object/));
  assert.throws(() => object.programInfo('refused'), failure('EINVAL', /it was not loaded with the object/));
  assert.throws(() => object.attach('answer'), failure('EOPNOTSUPP', /^attach program answer of /));
});

test('a syscall program reads and writes its context', (t) => {
  assert.equal(answer(loadFixture(t)), 5n + BigInt('a'.charCodeAt(0)));
});

test('an iterator is read to its end', (t) => {
  const object = loadFixture(t);
  const page = 4096;
  const bytes = object.iterate('list_maps');
  assert.equal(bytes.length % page, 0);
  const ids = new Set<number>();
  for (let at = 0; at < bytes.length; at += page) ids.add(new DataView(bytes.buffer).getUint32(at, true));
  assert.equal(ids.size, bytes.length / page);
  assert.ok(ids.size >= object.maps.length);
  assert.throws(() => object.iterate('answer'), failure('EINVAL', /^attach program answer of /));
});

test('program statistics', (t) => {
  const { id, ...counts } = loadFixture(t).programInfo('count_calls');
  assert.ok(id > 0);
  assert.deepEqual(Object.keys(counts), ['runCount', 'runTimeNs', 'recursionMisses']);
  for (const count of Object.values(counts)) assert.equal(typeof count, 'bigint');
});

test('another object’s map', (t) => {
  const first = openFixture(t);
  const second = openFixture(t);
  assert.throws(() => second.reuseMap('pairs', first), failure('EINVAL', /not loaded/));
  first.load();
  second.reuseMap('pairs', first);
  second.load();
  first.update('pairs', Uint8Array.of(1, 0, 0, 0), new Uint8Array(8).fill(9));
  first.close();
  const value = new Uint8Array(8);
  assert.equal(second.lookup('pairs', Uint8Array.of(1, 0, 0, 0), value), true);
  assert.deepEqual(value, new Uint8Array(8).fill(9));
});

test('close() ends everything but what was copied out, and may come twice', (t) => {
  const object = loadFixture(t);
  const link = object.attach('count_calls');
  const types = object.btf();
  const view = object.mapView('counts');
  object.close();
  object.close();
  link.detach();
  assert.equal(types.functionArgs('answer'), 1);
  const last = view.u64(8);
  openFds();
  assert.equal(view.u64(8), last);
  const uses: Record<string, () => unknown> = {
    programs: () => object.programs,
    load: () => object.load(),
    attach: () => object.attach('count_calls'),
    lookup: () => object.lookup('pairs', new Uint8Array(4), new Uint8Array(8)),
    testRun: () => object.testRun('answer', new Uint8Array(16)),
    mapView: () => object.mapView('counts'),
    btf: () => object.btf(),
    reuseMap: () => openFixture(t).reuseMap('pairs', object),
  };
  for (const use of Object.values(uses)) assert.throws(use, failure('EBADF', /the object is closed/));
});

test('100 lives leave no descriptor', () => {
  const live = (): void => {
    const object = new BpfObject(fixturePath);
    // Loading costs milliseconds a program.
    for (const { name } of object.programs) object.setAutoload(name, name === 'count_calls');
    object.load();
    object.attach('count_calls').detach();
    object.attach('count_calls');
    object.ringBuffer('events').close();
    object.close();
  };
  live();
  const before = openFds();
  for (let i = 0; i < 100; i++) live();
  assert.equal(openFds(), before);
});

test('types of the object', (t) => {
  const types = openFixture(t).btf();
  const shape = types.struct('shape');
  assert.equal(shape?.size, 64);
  assert.deepEqual(
    shape?.fields.map(({ name, offset, size, count, kind, type }) => [name, offset, size, count, kind, type]),
    [
      ['total', 0, 8, 1, 'int', '__u64'],
      ['counts', 8, 24, 6, 'array', '__u32'],
      ['colour', 32, 4, 1, 'enum', 'enum colour'],
      ['low', 36, 2, 1, 'int', '__u16'],
      ['bytes', 36, 2, 2, 'array', '__u8'],
      ['point', 40, 4, 1, 'struct', 'struct'],
      ['next', 48, 8, 1, 'ptr', 'void *'],
      ['flag', 56, 4, 1, 'other', 'unsigned int'],
    ],
  );
  assert.deepEqual(types.enumValues('colour'), [
    { name: 'RED', value: 1 },
    { name: 'GREEN', value: 7 },
  ]);
  assert.equal(types.struct('nothing'), undefined);
  assert.equal(types.enumValues('shape'), undefined);
  assert.equal(types.functionArgs('nothing'), undefined);
  assert.deepEqual(types.variables('.nowhere'), []);
});

test('types of the kernel', () => {
  const kernel = Btf.kernel();
  assert.ok(kernel.struct('sk_buff')?.fields.some(({ name, kind }) => name === 'dev' && kind === 'ptr'));
  assert.ok(
    kernel.enumValues('bpf_map_type')?.some(({ name, value }) => name === 'BPF_MAP_TYPE_RINGBUF' && value === 27),
  );
  assert.equal(kernel.functionArgs('consume_skb'), 1);
  // The tracepoint's own arguments, and the BPF context before them.
  assert.equal(kernel.typedefFuncArgs('btf_trace_sys_enter'), 3);
  assert.equal(kernel.typedefFuncArgs('u64'), undefined);
  assert.throws(() => Btf.kernel('tapscope_no_such'), failure('ENOENT', /^read types of module tapscope_no_such: /));
  assert.throws(() => Btf.kernel('../vmlinux'), TypeError);
});

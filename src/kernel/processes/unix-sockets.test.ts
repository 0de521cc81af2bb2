// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// Sockets between processes, through the addon: descriptors that are passed on, and who is at the other end.
import assert from 'node:assert/strict';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, statSync, writeSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, type TestContext, test } from 'node:test';
import { failure } from '../../../addon/test/fixture.ts';
import { unixPeerPid } from '../native.ts';
import {
  connectUnix,
  listenUnix,
  peerOf,
  receiveDescriptor,
  sendDescriptor,
  sendToUnix,
  socketPair,
  unixPeer,
} from './native-processes.ts';

const folder = mkdtempSync(join(tmpdir(), 'tapscope-sockets-'));
after(() => rmSync(folder, { recursive: true }));

/** The most that an address has room for (unix(7)), its ending zero included. */
const LONGEST = 108;

function pairOf(t: TestContext): readonly [number, number] {
  const pair = socketPair();
  t.after(() => {
    for (const end of pair) closeSync(end);
  });
  return pair;
}

test('a descriptor that is passed on is another of the same file', (t) => {
  const [one, other] = pairOf(t);
  assert.equal(receiveDescriptor(other), undefined, 'none is there');
  const file = join(folder, 'file');
  const opened = openSync(file, 'w');
  sendDescriptor(one, opened);
  closeSync(opened);
  const received = receiveDescriptor(other);
  assert.ok(received !== undefined);
  writeSync(received, 'through another');
  closeSync(received);
  assert.equal(readFileSync(file, 'utf8'), 'through another');
  assert.throws(() => sendDescriptor(one, 1 << 20), failure('EBADF', /^send a descriptor: /));
});

test('bytes without a descriptor bring none', (t) => {
  const [one, other] = pairOf(t);
  writeSync(one, 'abc');
  for (let byte = 0; byte < 3; byte++) assert.equal(receiveDescriptor(other), undefined);
  assert.throws(() => receiveDescriptor(1 << 20), failure('EBADF', /^receive a descriptor: /));
});

test('who is at the other end, by the kernel', async (t) => {
  const path = join(folder, 'listening');
  const listening = listenUnix(path);
  t.after(() => closeSync(listening));
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.equal(unixPeerPid(path), process.pid);
  const connection = connectUnix(path);
  t.after(() => closeSync(connection));
  assert.equal(peerOf(connection), undefined, 'nobody wrote');
  assert.equal(unixPeer(connection).uid, process.getuid?.());
  assert.ok(unixPeer(connection).groups.includes(process.getgid?.() ?? -1));
  const client = connect(path);
  await new Promise((resolve) => client.once('connect', resolve));
  client.destroy();
});

test('addresses that have no room, and those at which nobody is', () => {
  const room = LONGEST - folder.length - 1;
  const tooLong = join(folder, 'x'.repeat(room));
  for (const use of [listenUnix, connectUnix, (path: string) => sendToUnix(path, 'x')])
    assert.throws(() => use(tooLong), failure('ENAMETOOLONG', /^reach /));
  assert.throws(() => connectUnix(tooLong.slice(0, -1)), failure('ENOENT', /^connect to /));
  assert.throws(() => sendToUnix('@tapscope-nobody', 'x'), failure('ECONNREFUSED', /^tell @tapscope-nobody: /));
  assert.equal(unixPeerPid('x'.repeat(LONGEST + 1)), undefined);
  assert.equal(unixPeerPid(''), undefined);
});

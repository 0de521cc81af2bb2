// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// The names of guests, pods and containers are chosen here, for findings, tables and labels alike.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { guestOf, podOf } from './owner.ts';

const NOTHING = { vm: '', uuid: '', container: '', pod: '' };

test('a pod goes by namespace and name, else by uid', () => {
  assert.equal(podOf({ pod: '5f8', podName: 'shop/web-0' }), 'shop/web-0');
  assert.equal(podOf({ pod: '5f8' }), '5f8');
  assert.equal(podOf(undefined), '');
});

test('a VM comes before its pod, a pod before its container; a VM without a name goes by its UUID', () => {
  const all = { vm: 'web1', uuid: '0c1e', container: '0123456789abcdef', pod: '5f8', podName: 'shop/web-0' };
  assert.deepEqual(guestOf(all), ['VM', 'web1']);
  assert.deepEqual(guestOf({ ...all, vm: '' }), ['VM', '0c1e']);
  assert.deepEqual(guestOf({ ...all, vm: '', uuid: '' }), ['pod', 'shop/web-0']);
  assert.deepEqual(guestOf({ ...NOTHING, container: all.container }), ['container', '0123456789ab']);
});

test('a process on the host itself has none', () => {
  assert.equal(guestOf(NOTHING), undefined);
  assert.equal(guestOf(undefined), undefined);
});

// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Owner } from '../snapshot/owner.ts';
import { fitNames, queueNames } from './queue-names.ts';

function named(device: string, netns: number, queue = 0, vm = '', uuid = ''): Parameters<typeof queueNames>[0][number] {
  const identity = { program: 'qemu', runtime: '', vm, uuid, pod: '', container: '', unit: '' };
  const owner: Owner | undefined =
    vm + uuid === '' ? undefined : { pid: 7, comm: 'qemu', startedAt: undefined, identity };
  return { device, netns, namespace: `blue-${netns}`, queue, owner };
}
const namesOf = (...rates: readonly ReturnType<typeof named>[]): readonly string[] => [...queueNames(rates).values()];

test('a name that is there once is plain', () => {
  assert.deepEqual(namesOf(named('tap0', 1), named('tap0', 1, 1), named('tap1', 2)), ['tap0/0', 'tap0/1', 'tap1/0']);
});

test('a queue name that repeats has its guest or its namespace beside it', () => {
  assert.deepEqual(namesOf(named('tap0', 1), named('tap0', 2), named('tap1', 2)), [
    'tap0/0 blue-1',
    'tap0/0 blue-2',
    'tap1/0',
  ]);
  assert.deepEqual(namesOf(named('tap0', 1, 0, 'web1'), named('tap0', 2, 0, 'web2')), ['tap0/0 web1', 'tap0/0 web2']);
  const same = namesOf(named('tap0', 1, 0, 'web1'), named('tap0', 2, 0, 'web1'), named('tap0', 3));
  assert.deepEqual(same, ['tap0/0 blue-1', 'tap0/0 blue-2', 'tap0/0 blue-3']);
});

test('a VM without a name is told apart by its UUID', () => {
  assert.deepEqual(namesOf(named('tap0', 1, 0, '', '0c1e'), named('tap0', 2, 0, 'web2')), [
    'tap0/0 0c1e',
    'tap0/0 web2',
  ]);
});

test('names that are cut stay different', () => {
  const names = namesOf(named('vnet0', 12), named('vnet0', 13), named('tap1', 1));
  assert.deepEqual(fitNames(names, 20), names);
  assert.deepEqual(fitNames(names, 9), ['vnet0/…#1', 'vnet0/…#2', 'tap1/0']);
  assert.deepEqual(fitNames([...names].reverse(), 9), ['tap1/0', 'vnet0/…#2', 'vnet0/…#1']);
});

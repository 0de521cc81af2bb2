// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OPEN_PORT } from '../../test/snapshots/bridge-port.ts';
import { goldenSnapshot } from '../../test/snapshots/golden-snapshot.ts';
import { devicesIn } from './devices-in.ts';
import { queueIn, type Scope } from './scope.ts';

const found = (scope: Scope): readonly string[] => devicesIn(goldenSnapshot, scope).map(({ id }) => id);

test('devices are found by name, namespace, VM and process, and by all of them together', () => {
  assert.deepEqual(found({}), ['9001', '9002', '9003', '9004']);
  assert.deepEqual(found({ device: 'tap0' }), ['9001', '9002']);
  assert.deepEqual(found({ device: 'tap0', netns: 'blue\\x0ateam' }), ['9002']);
  assert.deepEqual(found({ netns: '4026532285' }), ['9002']);
  assert.deepEqual(found({ vm: 'web "1"' }), ['9001', '9002']);
  assert.deepEqual(found({ vm: '4dea22b3-1d52-d8f3-2516-782e98ab3fa0', netns: '4026531840' }), ['9001']);
  for (const process of ['4711', 'qemu', 'qemu-system "x"']) assert.deepEqual(found({ process }), ['9001', '9002']);
});

test('what is not there is one sentence', () => {
  const all = 'there are tap0, blue\\x0ateam/tap0, vpn"\\é~ and macvtap0.';
  assert.throws(() => found({ device: 'tap', vm: 'b\u001b' }), {
    message: `No tun, tap or macvtap device named tap of VM b\u{fffd} is on this host; ${all}`,
  });
  assert.throws(() => found({ device: 'tapO' }), {
    message: `No tun, tap or macvtap device named tapO is on this host (did you mean tap0?); ${all}`,
  });
  // By its name, where it has one.
  const other = `is on this host (did you mean blue\\x0ateam/tap0?); ${all}`;
  for (const place of ['4026532285', 'blue\\x0ateam']) {
    assert.throws(() => found({ device: 'tap7', netns: place }), {
      message: `No tun, tap or macvtap device named tap7 in namespace blue\\x0ateam ${other}`,
    });
    assert.throws(() => found({ device: `${place}/tap7` }), {
      message: `No tun, tap or macvtap device named blue\\x0ateam/tap7 ${other}`,
    });
  }
  assert.throws(() => devicesIn({ ...goldenSnapshot, devices: [] }, { pod: 'x' }), {
    message: 'No tun, tap or macvtap device of pod x is on this host; there is none at all.',
  });
  const agent = { ...goldenSnapshot.agent, hiddenDevices: 2 };
  const filter = 'the device filter of the agent (--device-include, --device-exclude) hides 2 devices.';
  assert.throws(() => devicesIn({ ...goldenSnapshot, devices: [], agent }, { pod: 'x' }), {
    message: `No tun, tap or macvtap device of pod x is on this host; none is shown; ${filter}`,
  });
  assert.throws(() => devicesIn({ ...goldenSnapshot, agent }, { device: 'x' }), {
    message: `No tun, tap or macvtap device named x is on this host; ${all.slice(0, -1)}; ${filter}`,
  });
  assert.throws(() => devicesIn(goldenSnapshot, { pod: 'x' }, true), {
    message: 'No tun, tap or macvtap device of pod x was there then; 4 others were.',
  });
  assert.deepEqual(devicesIn({ ...goldenSnapshot, devices: [] }, { device: undefined }), []);
});

test('a bridge is no device of ours, and its ports are named', () => {
  const devices = goldenSnapshot.devices.map((one, place) => (place < 2 ? { ...one, bridgePort: OPEN_PORT } : one));
  assert.throws(() => devicesIn({ ...goldenSnapshot, devices }, { device: 'br0' }), {
    message: 'br0 is a bridge; ask for one of its ports: there are tap0 and blue\\x0ateam/tap0.',
  });
});

test('a device is what any output calls it, its owner, or one of its queues', () => {
  const asked = (device: string): string =>
    `${found({ device })}${queueIn(goldenSnapshot, { device }) === undefined ? '' : ` queue ${queueIn(goldenSnapshot, { device })}`}`;
  for (const [words, expected] of [
    ['tap0', '9001,9002'],
    ['tap0/0', '9001,9002 queue 0'],
    ['tap0/1', '9001 queue 1'],
    ['tap0 queue 1', '9001 queue 1'],
    ['tap0 queue 1 (VM web "1")', '9001 queue 1'],
    ['tap0 queue 1 of VM web "1" (qemu, pid 4711) in namespace 4026531840', '9001 queue 1'],
    ['tap0 (VM web "1")', '9001,9002'],
    ['tap0/0 blue\\x0ateam', '9002 queue 0'],
    ['blue\\x0ateam/tap0', '9002'],
    ['blue\\x0ateam/tap0/0', '9002 queue 0'],
    ['4026532285/tap0 queue 0', '9002 queue 0'],
    ['web "1"', '9001,9002'],
    ['VM web "1" (qemu, pid 4711)', '9001,9002'],
    ['4dea22b3-1d52-d8f3-2516-782e98ab3fa0', '9001,9002'],
    ['qemu-system "x"', '9001,9002'],
    ['4711', '9001,9002'],
    ['blue\nteam/tap0', '9002'],
  ] as const)
    assert.equal(asked(words), expected, words);
});

/** Devices of these names and numbers of queues, those with a slash in another namespace; each belongs to a VM. */
function host(...names: readonly (readonly [name: string, queues: number, vm: string])[]): typeof goldenSnapshot {
  const [model] = goldenSnapshot.devices;
  const [queue] = model?.queues ?? [];
  assert.ok(model && queue);
  const devices = names.map(([name, queues, vm], index) => {
    const [place, own = place] = name.split('/');
    const owner = { ...queue.owner, pid: index, comm: 'qemu', startedAt: undefined, identity: { ...NOBODY, vm } };
    return {
      ...{ ...model, id: name, name: own ?? '', netns: name.includes('/') ? 7 : 1 },
      queues: Array.from({ length: queues }, (_, number) => ({ ...queue, index: number, owner })),
    };
  });
  const agent = { ...goldenSnapshot.agent, netns: 1, namespaceNames: new Map([[7, 'blue']]) };
  return { ...goldenSnapshot, agent, devices };
}

const NOBODY = { program: 'qemu', vm: '', uuid: '', runtime: '', container: '', pod: '', unit: '' };

test('what was most likely meant: by the first letters, in the same namespace first, and never another VM for a slip in the queue', () => {
  const many = host(
    ['vnet1', 2, 'web1'],
    ['vnet10', 2, 'web10'],
    ['vnet2', 1, 'db1'],
    ['blue/vnet3', 1, 'mail'],
    ['blue/tap0', 1, 'shop'],
    ...Array.from({ length: 10 }, (_, index) => [`macvtap${index}`, 1, ''] as const),
  );
  const said = (scope: Scope): string => {
    try {
      return devicesIn(many, scope)
        .map(({ id }) => id)
        .join();
    } catch (error) {
      return error instanceof Error ? error.message : '';
    }
  };
  const meant = (scope: Scope): string => /did you mean (.*?)\?/.exec(said(scope))?.[1] ?? '';
  for (const [words, expected] of [
    ['vnet1O', 'vnet10'],
    ['vnet4', 'vnet1'],
    ['vent1/0', 'vnet1/0'],
    ['vmet1 queue 1', 'vnet1 queue 1'],
    ['tapO', 'blue/tap0'],
    ['blue/vnet1', 'blue/vnet3'],
    ['web2', 'web1'],
    ['shopp', 'shop'],
    ['nothing-like-it', ''],
  ] as const)
    assert.equal(meant({ device: words }), expected, words);
  assert.equal(meant({ netns: 'bleu' }), 'blue');
  assert.equal(meant({ vm: 'mial' }), 'mail');
  assert.equal(said({ device: 'vnet1/7' }), 'vnet1 has no queue 7; it has 0 and 1.');
  assert.equal(said({ device: 'vnet1/O' }), 'vnet1 has no queue O; it has 0 and 1.');
  assert.equal(said({ device: 'blue/tap0 queue 3' }), 'tap0 has no queue 3; it has 0.');
  assert.match(said({ device: 'nothing-like-it' }), /'tapscope top -b -n 1' lists the 15 there are\.$/);
});

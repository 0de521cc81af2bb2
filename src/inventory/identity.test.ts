// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// Command line and cgroup together, and text that no terminal should show as it is.
import assert from 'node:assert/strict';
import test from 'node:test';
import { latin1 } from '../../test/fuzz/hostile-text.ts';
import { parseCgroups, parseCommandLine } from '../kernel/process-text.ts';
import type { Identity } from '../snapshot/owner.ts';
import { readCgroups } from './cgroup-path.ts';
import { identityOf } from './identities.ts';

const ID = '8f1f7c1fb0dd5f8e2c8e5bda7a1f4fd8d7a8c0a9d5f61b1b26c0a0c9b5a3e7d4';
const POD = '5a7ed1d2-0e5f-4f3b-9ad1-6c7f1a0b2c3d';

function identity(args: readonly string[], cgroup = '/'): Identity {
  return identityOf({
    ...{ life: '', startedTicks: 0, comm: 'x' },
    args: parseCommandLine(latin1(args.join('\0'))),
    cgroups: parseCgroups(latin1(`0::${cgroup}\n`)),
  });
}

test('a VM in a pod', () => {
  const found = identity(['qemu-kvm', '-name', 'guest=default_vm'], `/kubepods/pod${POD}/${ID}`);
  assert.deepEqual([found.program, found.vm, found.container, found.pod], ['qemu', 'default_vm', ID, POD]);
});

test('a VM in a Kata sandbox', () => {
  const socket = `/run/vc/vm/${ID}/clh-api.sock`;
  const found = identity(['cloud-hypervisor', '--api-socket', socket], `/kubepods/pod${POD}/kata_${ID}`);
  assert.deepEqual([found.runtime, found.container, found.pod], ['kata', ID, POD]);
});

test('the scope names a VM that its command line does not, and no other process', () => {
  const scope = '/machine.slice/machine-qemu\\x2d1\\x2dweb.scope';
  assert.equal(identity(['qemu-system-x86_64'], scope).vm, 'web');
  assert.equal(identity(['qemu-system-x86_64', '-name', 'mail'], scope).vm, 'mail');
  assert.equal(identity(['swtpm'], scope).vm, '');
});

test('libvirt runs what its scope or command line says, but not what is in a pod', () => {
  const args = ['qemu-system-x86_64', '-name', 'guest=web1,debug-threads=on'];
  assert.equal(identity(args).runtime, 'libvirt');
  assert.equal(identity(['qemu-system-x86_64'], '/machine.slice/machine-qemu\\x2d1\\x2dweb.scope').runtime, 'libvirt');
  assert.equal(identity(['kvm', '-id', '100', '-name', 'web1,debug-threads=on'], '/qemu.slice/100.scope').runtime, '');
  assert.equal(identity(args, `/kubepods/pod${POD}/cri-containerd-${ID}.scope`).runtime, 'containerd');
  for (const inside of [`/kubepods/pod${POD}`, `/kubepods/pod${POD}/${ID}`])
    assert.equal(identity(args, inside).runtime, '');
});

test('characters that forge, and length', () => {
  const named = (name: string): string => identity(['qemu-kvm', '-name', name]).vm;
  assert.equal(named('a\u001b[31m\n\u202eb\u200b'), 'a\\x1b[31m\\x0a\\xe2\\x80\\xaeb\\xe2\\x80\\x8b');
  assert.equal(named('ü "x"\\'), 'ü "x"\\');
  const long = ['😀'.repeat(500), '😀'.repeat(501)].map(named);
  assert.deepEqual(
    [...long, '0'.repeat(128)].map((name) => [...name].length),
    [128, 128, 128],
  );
  assert.notEqual(long[0], long[1]);
});

test('names that are not UTF-8 are different ones: of a VM, a unit, a container, a scope', () => {
  const of = (byte: number) => {
    const bytes = String.fromCharCode(byte);
    const scope = `machine-qemu\\x2d1\\x2dw${bytes}\\x${byte.toString(16)}.scope`;
    const args = parseCommandLine(`qemu-kvm\0-name\0guest=w${bytes}\0`);
    const [vm, unit, container, machine] = [
      identityOf({ life: '', startedTicks: 0, comm: 'x', args, cgroups: '0::/' }).vm,
      ...[`/a${bytes}.service`, `/lxc.payload.c${bytes}`, `/machine.slice/${scope}`].map((path) =>
        readCgroups(parseCgroups(`0::${path}\n`)),
      ),
    ] as const;
    return { vm, unit: unit?.unit, container: container?.container, machine: machine?.machine };
  };
  assert.deepEqual(of(0xff), {
    ...{ vm: 'w\\xff', unit: 'a\\xff.service', container: 'c\\xff', machine: 'w\\xff\\xff' },
  });
  assert.deepEqual(of(0xfe), {
    ...{ vm: 'w\\xfe', unit: 'a\\xfe.service', container: 'c\\xfe', machine: 'w\\xfe\\xfe' },
  });
});

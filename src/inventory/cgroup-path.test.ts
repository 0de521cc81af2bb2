// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// Cgroup paths as systemd, libvirt, container runtimes and the kubelet make them, with both drivers.
import assert from 'node:assert/strict';
import test from 'node:test';
import { latin1 } from '../../test/fuzz/hostile-text.ts';
import { parseCgroups } from '../kernel/process-text.ts';
import { type CgroupPath, readCgroupPath, readCgroups } from './cgroup-path.ts';

const NONE: CgroupPath = { runtime: '', container: '', pod: '', machine: '', unit: '' };
const ID = '8f1f7c1fb0dd5f8e2c8e5bda7a1f4fd8d7a8c0a9d5f61b1b26c0a0c9b5a3e7d4';
const POD = '5a7ed1d2-0e5f-4f3b-9ad1-6c7f1a0b2c3d';
const POD_ = POD.replaceAll('-', '_');
const STATIC = '0123456789abcdef0123456789abcdef';

const cases: readonly (readonly [path: string, expected: Partial<CgroupPath>])[] = [
  [`/docker/${ID}`, { runtime: 'docker', container: ID }],
  [`/system.slice/docker-${ID}.scope`, { runtime: 'docker', container: ID }],
  [`/system.slice/docker-${ID}.scope/init`, { runtime: 'docker', container: ID }],
  [`/../../system.slice/docker-${ID}.scope`, { runtime: 'docker', container: ID }],
  [`/system.slice/nerdctl-${ID}.scope`, { runtime: 'containerd', container: ID }],
  [`/default/${ID}`, { runtime: 'containerd', container: ID }],
  [
    `/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${POD_}.slice/cri-containerd-${ID}.scope`,
    { runtime: 'containerd', container: ID, pod: POD },
  ],
  [
    `/kubepods.slice/kubepods-pod${POD_}.slice/crio-${ID}.scope/container`,
    { runtime: 'cri-o', container: ID, pod: POD },
  ],
  [
    `/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-besteffort.slice/kubelet-kubepods-besteffort-pod${POD_}.slice/cri-containerd-${ID}.scope`,
    { runtime: 'containerd', container: ID, pod: POD },
  ],
  [`/kubepods/burstable/pod${POD}/${ID}`, { container: ID, pod: POD }],
  [`/kubepods/besteffort/pod${STATIC}/crio-${ID}`, { runtime: 'cri-o', container: ID, pod: STATIC }],
  [
    `/system.slice/containerd.service/kubepods-burstable-pod${POD_}.slice:cri-containerd:${ID}`,
    { runtime: 'containerd', container: ID, pod: POD },
  ],
  // An agent in a pod of its own sees paths relative to its own cgroup.
  [
    `/../../../kubepods-burstable.slice/kubepods-burstable-pod${POD_}.slice/cri-containerd-${ID}.scope`,
    { runtime: 'containerd', container: ID, pod: POD },
  ],
  [`/../../pod${POD}/${ID}`, { container: ID, pod: POD }],
  [`/docker/${ID.replace('8', '0')}/kubelet/kubepods/pod${POD}/${ID}`, { container: ID, pod: POD }],
  [`/machine.slice/libpod-${ID}.scope/container`, { runtime: 'podman', container: ID }],
  [`/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-${ID}.scope`, { runtime: 'podman', container: ID }],
  [
    `/machine.slice/machine-libpod_pod_${STATIC}${STATIC}.slice/libpod-${ID}.scope`,
    { runtime: 'podman', container: ID, pod: `${STATIC}${STATIC}` },
  ],
  // The monitor of a container is not in it.
  [`/machine.slice/libpod-conmon-${ID}.scope`, { unit: `libpod-conmon-${ID}.scope` }],
  ['/lxc.payload.web/system.slice/openvpn@office.service', { runtime: 'lxc', container: 'web' }],
  [
    '/machine.slice/machine-qemu\\x2d1\\x2dweb\\x2d1.scope/libvirt/emulator',
    { machine: 'web-1', unit: 'machine-qemu\\x2d1\\x2dweb\\x2d1.scope' },
  ],
  ['/machine/qemu-12-web.libvirt-qemu/vcpu0', { machine: 'web' }],
  ['/machine.slice/machine-qemu\\xff.scope', { unit: 'machine-qemu\\xff.scope' }],
  ['/system.slice/system-openvpn.slice/openvpn@office.service', { unit: 'openvpn@office.service' }],
  ['/user.slice/user-1000.slice/user@1000.service/app.slice/vpn.service', { unit: 'vpn.service' }],
  ['/user.slice/user-0.slice/session-3.scope', { unit: 'session-3.scope' }],
  [`/docker/${ID.slice(1)}`, {}],
  ['/kubepods/podxyz', {}],
  ['/', {}],
];

for (const [path, expected] of cases) {
  test(path, () => assert.deepEqual(readCgroupPath(path), { ...NONE, ...expected }));
}

test('one unified hierarchy', () => {
  assert.equal(readCgroups(`0::/system.slice/docker-${ID}.scope\n`).container, ID);
});

test('a cgroup that was removed', () => {
  assert.equal(readCgroups('0::/system.slice/a.service (deleted)\n').unit, 'a.service');
});

test('old hierarchies: systemd’s tells the unit, another the container', () => {
  const text = (systemd: string, memory: string): string => `9:name=systemd:${systemd}\n4:memory,x:${memory}\n0::/\n`;
  assert.equal(readCgroups(text('/system.slice/a.service', '/system.slice/a.service')).unit, 'a.service');
  assert.equal(readCgroups(text('/system.slice/docker.service', `/docker/${ID}`)).container, ID);
});

test('what is no list of cgroups', () => {
  assert.deepEqual(readCgroups('junk\n:::\n'), NONE);
});

test('a folder with a name of JavaScript is no runtime', () => {
  assert.deepEqual(readCgroupPath(`/constructor/${ID}`), NONE);
});

test('U+2028 in the name of a folder ends no line', () => {
  assert.equal(readCgroups(parseCgroups(latin1(`0::/system.slice/a\u2028b/docker-${ID}.scope\n`))).container, ID);
});

// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// Command lines as libvirt, Proxmox, Incus, the jailer, Kata and VPNs write them.
import assert from 'node:assert/strict';
import test from 'node:test';
import { type CommandLine, readCommandLine } from './command-line.ts';

const NONE: CommandLine = { program: '', vm: '', uuid: '', sandbox: '', isLibvirt: false };
const UUID = '4dea22b3-1d52-d8f3-2516-782e98ab3fa0';
const SANDBOX = 'b1d5cf1f6b0a6b8f0c1f3f1a6f9b7d1c7b8e2a4c9d0e1f2a3b4c5d6e7f8091a2';

const cases: readonly (readonly [what: string, words: string, expected: Partial<CommandLine>])[] = [
  [
    'libvirt',
    `/usr/bin/qemu-system-x86_64 -name guest=web1,debug-threads=on -S -object secret,id=masterKey0 -machine pc-q35-7.2 -uuid ${UUID} -nodefaults -netdev {"type":"tap","fd":"33","vhost":true}`,
    { program: 'qemu', vm: 'web1', uuid: UUID, isLibvirt: true },
  ],
  [
    'libvirt, a comma in the name',
    `/usr/libexec/qemu-kvm -name guest=a,,b,debug-threads=on -uuid ${UUID}`,
    { program: 'qemu', vm: 'a,b', uuid: UUID, isLibvirt: true },
  ],
  [
    'OpenStack',
    `/usr/bin/qemu-system-x86_64 -name guest=instance-0000001a,debug-threads=on -S -uuid ${UUID} -smbios type=1,manufacturer=OpenStack,,Foundation,product=OpenStack,,Nova,uuid=00000000-0000-0000-0000-000000000000`,
    { program: 'qemu', vm: 'instance-0000001a', uuid: UUID, isLibvirt: true },
  ],
  [
    'Proxmox',
    `/usr/bin/kvm -id 100 -name mail,debug-threads=on -no-shutdown -daemonize -smbios type=1,uuid=${UUID} -smp 4`,
    { program: 'qemu', vm: 'mail', uuid: UUID },
  ],
  ['by hand, old form', 'qemu-system-aarch64 -m 512 -name old,process=qemu:old', { program: 'qemu', vm: 'old' }],
  [
    'by hand, two dashes',
    `qemu-system-x86_64 --name two --uuid ${UUID.toUpperCase()}`,
    { program: 'qemu', vm: 'two', uuid: UUID },
  ],
  ['by hand, no name', 'qemu-system-x86_64 -m 1G -nographic', { program: 'qemu' }],
  ['a name without a value', 'qemu-system-x86_64 -name', { program: 'qemu' }],
  ['options, but no guest', 'qemu-system-x86_64 -name debug-threads=on', { program: 'qemu' }],
  ['another SMBIOS table', `qemu-system-x86_64 -smbios type=2,uuid=${UUID}`, { program: 'qemu' }],
  ['no uuid', 'qemu-system-x86_64 -uuid 12345', { program: 'qemu' }],
  ['Nix', '/nix/store/h-qemu/bin/.qemu-system-x86_64-wrapped -name nix', { program: 'qemu', vm: 'nix' }],
  [
    'Incus',
    `/opt/incus/bin/qemu-system-x86_64 -S -name v1 -uuid ${UUID} -daemonize`,
    { program: 'qemu', vm: 'v1', uuid: UUID },
  ],
  [
    'KubeVirt',
    `/usr/libexec/qemu-kvm -name guest=default_testvm,debug-threads=on -S -uuid ${UUID}`,
    { program: 'qemu', vm: 'default_testvm', uuid: UUID, isLibvirt: true },
  ],
  [
    'Kata with QEMU',
    `/opt/kata/bin/qemu-system-x86_64 -name sandbox-${SANDBOX},debug-threads=on -uuid ${UUID} -pidfile /run/vc/vm/${SANDBOX}/pid`,
    { program: 'qemu', vm: `sandbox-${SANDBOX}`, uuid: UUID, sandbox: SANDBOX },
  ],
  ['no Kata, only named so', 'qemu-system-x86_64 -name sandbox-x', { program: 'qemu', vm: 'sandbox-x' }],
  [
    'Firecracker by the jailer',
    `/firecracker --id ${UUID} --start-time-us 1 --start-time-cpu-us 2 --parent-cpu-time-us 3`,
    { program: 'firecracker', vm: UUID, uuid: UUID },
  ],
  [
    'Firecracker, a release file',
    'firecracker-v1.7.0-x86_64 --id=fn-17 --api-sock /tmp/fc.sock',
    { program: 'firecracker', vm: 'fn-17' },
  ],
  ['Firecracker without id', 'firecracker --api-sock /run/fc.sock', { program: 'firecracker' }],
  ['the words of another program', 'firecracker --api-sock /run/fc.sock -- --id no', { program: 'firecracker' }],
  [
    'cloud-hypervisor by libvirt',
    `/usr/bin/cloud-hypervisor --api-socket /run/libvirt/ch/db-socket --platform serial_number=1,uuid=${UUID}`,
    { program: 'cloud-hypervisor', vm: 'db', uuid: UUID, isLibvirt: true },
  ],
  ['cloud-hypervisor by hand', 'cloud-hypervisor --api-socket path=/tmp/ch.sock', { program: 'cloud-hypervisor' }],
  [
    'Kata with cloud-hypervisor',
    `/opt/kata/bin/cloud-hypervisor --api-socket /run/vc/vm/${SANDBOX}/clh-api.sock`,
    { program: 'cloud-hypervisor', sandbox: SANDBOX },
  ],
  [
    'Kata’s own monitor',
    `/opt/kata/bin/containerd-shim-kata-v2 -namespace k8s.io -address /run/containerd/containerd.sock -id ${SANDBOX}`,
    { program: 'kata', sandbox: SANDBOX },
  ],
  ['openvpn', '/usr/sbin/openvpn --status /run/openvpn/server.status 10 --cd /etc/openvpn', { program: 'openvpn' }],
  ['tailscale', '/usr/sbin/tailscaled --state=/var/lib/tailscale/tailscaled.state', { program: 'tailscaled' }],
  ['wireguard-go', 'wireguard-go wg0', { program: 'wireguard-go' }],
  ['ssh -w', 'sshd: root@notty', { program: 'sshd' }],
  ['no known program', '/usr/bin/my-qemu-system-x86_64 -name guest=x', {}],
  ['nothing', '', {}],
];

for (const [what, words, expected] of cases) {
  test(what, () => {
    const args = what === 'ssh -w' ? [words] : words.split(' ');
    assert.deepEqual(readCommandLine(args, 'any'), { ...NONE, ...expected });
  });
}

test('a process that overwrote its words is known by its name', () => {
  assert.equal(readCommandLine([''], 'openvpn').program, 'openvpn');
});

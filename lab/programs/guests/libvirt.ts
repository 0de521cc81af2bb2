// SPDX-License-Identifier: Apache-2.0
// libvirt with an emulated domain: libvirtd is started by hand, with folders and a pid namespace of its own, and starts QEMU.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { temporaryFolder } from '../../../test/agent/certificates.ts';
import { IPERF, SOCAT } from '../../../test/host/need.ts';
import { noVm } from '../../vm/boot.ts';
import { vmlinuxOf } from '../../vm/images.ts';
import { kernelOrWhy } from '../../vm/kernels.ts';
import type { Stage } from '../places.ts';
import type { Program } from '../program.ts';
import { guestAt } from './qemu.ts';
import { guestInitrd } from './qemu-guest.ts';

const NAME = 'lab-domain';

/** What Debian's defaults would need of a host with systemd: users, cgroups, AppArmor, mount namespaces. */
const CONFIGURATION = `user = "root"
group = "root"
security_driver = "none"
cgroup_controllers = []
namespaces = []
remember_owner = 0
stdio_handler = "file"
`;

export const LIBVIRT: Program = {
  name: 'libvirt',
  from: 'Debian libvirt-daemon-system, emulated domain',
  needs: [
    { debian: 'libvirt-daemon-system', file: 'libvirtd' },
    { debian: 'libvirt-clients', file: 'virsh' },
    IPERF,
    SOCAT,
  ],
  unavailable: () => noVm || undefined,
  load: { datagrams: 2000, perSecond: 400, seconds: 3, calmBits: 2_000_000 },
  start: async (stage) => {
    const folder = temporaryFolder({ after: (undo) => stage.after(async () => undo()) });
    const daemon = await startDaemon(stage, folder);
    await stage.near.exec(
      'sh',
      '-c',
      `for i in $(seq 300); do [ -e ${folder}/run/libvirt-sock ] && break; sleep 0.2; done`,
    );
    writeFileSync(join(folder, 'domain.xml'), await domain(folder));
    const uri = `qemu:///system?socket=${folder}/run/libvirt-sock`;
    await stage.near.exec('virsh', '-c', uri, 'create', join(folder, 'domain.xml')).catch((error: unknown) => {
      throw new Error(`${error}\n${daemon.output()}`);
    });
    const guest = await guestAt(stage, folder, daemon.output);
    return { ...guest, queues: 1, pid: await emulator(), vm: NAME };
  },
};

/** The shell is the first process of its pid namespace: it buries what libvirtd's daemons leave, which else are not gone. */
async function startDaemon(stage: Stage, folder: string): Promise<ReturnType<Stage['start']>> {
  for (const name of ['run', 'lib', 'log', 'cache']) mkdirSync(join(folder, name));
  writeFileSync(join(folder, 'qemu.conf'), CONFIGURATION);
  writeFileSync(join(folder, 'libvirtd.conf'), 'auth_unix_rw = "none"\nunix_sock_group = "root"\n');
  const mounts = [
    ['run', '/run/libvirt'],
    ['lib', '/var/lib/libvirt'],
    ['log', '/var/log/libvirt'],
    ['cache', '/var/cache/libvirt'],
    ['qemu.conf', '/etc/libvirt/qemu.conf'],
  ].map(([from, to]) => `mount --bind ${folder}/${from} ${to}`);
  const script = ['mkdir -p /run/libvirt /var/cache/libvirt', ...mounts, `libvirtd -f ${folder}/libvirtd.conf & wait`];
  const isolation = ['--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];
  return stage.start(stage.near, 'unshare', ...isolation, 'sh', '-ec', script.join('\n'));
}

async function domain(folder: string): Promise<string> {
  const kernel = await kernelOrWhy('6.1', () => {});
  if (typeof kernel === 'string') throw new Error(kernel);
  return `<domain type="qemu">
  <name>${NAME}</name><memory unit="MiB">192</memory><vcpu>1</vcpu>
  <os><type arch="x86_64" machine="q35">hvm</type><kernel>${await vmlinuxOf(kernel)}</kernel><initrd>${await guestInitrd(kernel)}</initrd>
    <cmdline>console=ttyS0 rdinit=/init quiet panic=-1 mitigations=off tsc=reliable no_timer_check</cmdline></os>
  <features><acpi/><apic/></features>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <interface type="ethernet"><target dev="tap0"/><model type="virtio"/><driver name="qemu"/></interface>
    <serial type="file"><source path="${folder}/console"/><target port="0"/></serial>
    <serial type="unix"><source mode="bind" path="${folder}/shell"/><target port="1"/></serial>
    <memballoon model="none"/>
  </devices>
</domain>
`;
}

/** Finds the emulator by its command line, for libvirt knows its number in another namespace. */
async function emulator(): Promise<number> {
  for (let left = 50; left > 0; left--) {
    const found = readdirSync('/proc').find((pid) => /^\d+$/.test(pid) && commandLine(pid).includes(`guest=${NAME},`));
    if (found !== undefined) return Number(found);
    await wait(100);
  }
  throw new Error(`No QEMU of ${NAME} runs.`);
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}

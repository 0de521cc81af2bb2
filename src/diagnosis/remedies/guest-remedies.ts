// SPDX-License-Identifier: Apache-2.0
// Remedies in the configuration of a VM: more queues or buffers, vhost-net, other CPUs; none where its VMM is not known.

import { hasBackend } from '../../snapshot/queue.ts';
import type { Remedy } from '../finding.ts';
import type { QueueSpan } from '../window.ts';
import { quoted } from './command.ts';

type Platform = 'libvirt' | 'kubevirt' | 'qemu' | 'cloud-hypervisor' | 'firecracker';

const AT_START = { command: undefined, lossless: false, restart: true, by: 'host' } as const;
const FLOWS = 'One flow stays in one queue.';

/** What virsh takes for an option or a number, what $(…) takes off, and names that were cut (src/inventory/identities.ts). */
const NO_DOMAIN = /^-|^\d+$|\\x0a$|…/;

/** A VM that the host's virsh knows: only for QEMU does it without being told where. */
export function domainOf({ now: { owner } }: QueueSpan): string | undefined {
  const { program, vm = '', uuid = '', runtime } = owner?.identity ?? {};
  if (program !== 'qemu' || runtime !== 'libvirt') return undefined;
  return (NO_DOMAIN.test(vm) ? uuid : vm) || undefined;
}

function platformOf({ now: { owner } }: QueueSpan): Platform | undefined {
  const { program = '', runtime = '', pod = '' } = owner?.identity ?? {};
  if (runtime === 'kata') return undefined; // it starts the VMM itself
  if (program === 'qemu') return pod !== '' ? 'kubevirt' : runtime === 'libvirt' ? 'libvirt' : 'qemu';
  if (program === 'firecracker') return 'firecracker';
  return program === 'cloud-hypervisor' && runtime !== 'libvirt' ? 'cloud-hypervisor' : undefined;
}

/** Remedies for a guest whose worker is at its limit. */
export function moreQueues(queue: QueueSpan): readonly Remedy[] {
  const queues = Math.max(2, 2 * (queue.device.now.attachedQueues ?? 1));
  const use: Remedy = {
    command: `ethtool -L eth0 combined ${queues}`,
    effect: 'After that, in the guest: it uses the queues. A moment of loss while it changes.',
    lossless: false,
    restart: false,
    by: 'guest',
  };
  const start = (effect: string): Remedy => ({ ...AT_START, effect });
  switch (platformOf(queue)) {
    case 'libvirt':
      return [
        start(`<driver name='vhost' queues='${queues}'/> in ${domain(queue)}: one worker a queue. ${FLOWS}`),
        use,
      ];
    case 'qemu':
      return [
        start(
          `Start QEMU with -netdev tap,…,vhost=on,queues=${queues} and -device virtio-net-pci,…,mq=on: one worker a queue. ${FLOWS}`,
        ),
        use,
      ];
    case 'kubevirt':
      return [
        start(`In KubeVirt networkInterfaceMultiqueue: true in the VM’s spec: one queue for each vCPU. ${FLOWS}`),
      ];
    case 'cloud-hypervisor':
      return [start(`Start the VM with --net …,num_queues=${2 * queues}: ${queues} for each direction. ${FLOWS}`), use];
    case 'firecracker':
      return [start('Its network devices have one queue each: spread the load over several, or send less to it.')];
    case undefined:
      return [];
  }
}

/** Remedies for a guest that gives back buffers too slowly. */
export function moreBuffers(queue: QueueSpan): readonly Remedy[] {
  const start = (effect: string): readonly Remedy[] => [{ ...AT_START, effect }];
  switch (platformOf(queue)) {
    case 'libvirt':
      return start(`<driver name='vhost' rx_queue_size='1024'/> in ${domain(queue)}: more buffers for bursts.`);
    case 'qemu':
      return start('Start QEMU with -device virtio-net-pci,…,rx_queue_size=1024: more buffers for bursts.');
    case 'cloud-hypervisor':
      return start('Start the VM with --net …,queue_size=1024: more buffers for bursts.');
    case 'firecracker':
      return start('Its virtio ring has 256 buffers and cannot be larger; a faster guest, or less sent to it.');
    case 'kubevirt':
    case undefined:
      return [];
  }
}

/** Remedies for a QEMU that takes each packet itself. */
export function useVhost({ now }: QueueSpan): readonly Remedy[] {
  if (now.owner?.identity?.program !== 'qemu' || hasBackend(now)) return [];
  return [
    {
      command: undefined,
      effect:
        'QEMU itself reads each packet here. With vhost=on (libvirt: <driver name="vhost"/>) the kernel hands it to the guest.',
      lossless: false,
      restart: true,
      by: 'host',
    },
  ];
}

/** libvirt keeps QEMU’s threads and vhost’s in a cgroup whose CPUs taskset cannot leave. */
export function moveGuest(domain: string, cpus: string, which: string): Remedy {
  return {
    command: `virsh emulatorpin ${quoted(domain)} ${cpus} --live`,
    effect: `Lets QEMU’s own threads and vhost’s run on ${which}. Name a free CPU where CPUs are set apart.`,
    lossless: true,
    restart: false,
    by: 'host',
  };
}

function domain({ now: { owner } }: QueueSpan): string {
  const vm = owner?.identity?.vm;
  return `the domain${vm ? ` of ${vm}` : ''}`;
}

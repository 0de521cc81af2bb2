// SPDX-License-Identifier: Apache-2.0
// The process that holds a queue, and whose it is.
import { type ProbeEvent, WALK } from '../engine/mechanism.ts';
import type { OpenSubject, Parts, Subject } from '../engine/subject.ts';
import { always, withoutSymbols } from '../engine/unavailable.ts';
import { core, info, series } from '../snapshot/metric.ts';
import type { Identity, Owner } from '../snapshot/owner.ts';

const EVENTS: readonly ProbeEvent[] = [
  {
    name: 'owners',
    measures: 'the process that holds each queue',
    mechanisms: [
      {
        name: 'iterator',
        provides: ['holders'],
        programs: ['queue_owners'],
        needs: WALK,
        tradeoff: undefined,
        unavailable: withoutSymbols,
      },
      {
        name: 'procfs',
        provides: ['holders-by-device'],
        programs: [],
        needs: [],
        tradeoff:
          'knows the device of a descriptor, not its queue: names no process where several hold one device, or of a macvtap',
        unavailable: always,
      },
    ],
  },
];

function open({ owners }: Parts): OpenSubject {
  const shown = new Map<bigint, readonly (Owner | undefined)[]>();
  return {
    see: (walked) => {
      shown.set(walked.id, owners.ofDevice(walked));
      return undefined;
    },
    isAsSeen: (walked) => shown.get(walked.id) === owners.ofDevice(walked),
    queue: ({ ring, device: { walked } }) => ({ owner: ring && shown.get(walked.id)?.[walked.queues.indexOf(ring)] }),
    keepOnly: (present) => {
      for (const id of shown.keys()) if (!present.has(id)) shown.delete(id);
    },
  };
}

const UNRESOLVED: Identity = {
  program: 'unresolved',
  vm: '',
  uuid: '',
  runtime: '',
  container: '',
  pod: '',
  unit: '',
};

export const owners: Subject = {
  name: 'owners',
  events: EVENTS,
  symbols: ['tun_chr_close'],
  open,
  metrics: {
    device: [
      core(
        info(
          'tapscope_device_owner_info',
          'Whose the device is: the process that holds its first queue, by its command line and cgroup (/proc); program: unresolved until that is sure; tenant: of --tenant-map, else KubeVirt’s guest name, nova’s project or the pod’s namespace.',
          ['program', 'vm', 'uuid', 'runtime', 'container', 'pod', 'unit', 'tenant'],
          ({ queues }) => {
            const owner = queues.find((queue) => queue.owner)?.owner;
            if (!owner) return [];
            const { program, vm, uuid, runtime, container, pod, unit, tenant = '' } = owner.identity ?? UNRESOLVED;
            return [series(1, program, vm, uuid, runtime, container, pod, unit, tenant)];
          },
        ),
      ),
      info(
        'tapscope_device_pod_info',
        'The pod that the device belongs to: uid by the cgroup of the process that holds its first queue, namespace and pod by the kubelet’s folders in /var/log/pods.',
        ['uid', 'namespace', 'pod'],
        ({ queues }) => {
          const { pod = '', podName } = queues.find((queue) => queue.owner)?.owner?.identity ?? {};
          const [namespace, name] = podName?.split('/') ?? [];
          return namespace && name ? [series(1, pod, namespace, name)] : [];
        },
      ),
    ],
  },
};

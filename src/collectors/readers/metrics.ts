// SPDX-License-Identifier: Apache-2.0
// The catalogue's metrics of who reads a queue, whose that is, and why it does not keep up.
import { core, counters, info, type Metric, series } from '../../metric.ts';
import type { Device } from '../../snapshot/device.ts';
import type { Identity } from '../../snapshot/owner.ts';
import type { Queue } from '../../snapshot/queue.ts';

/** Subject labels: netns, device, queue. */
export const readerMetrics: readonly Metric<Queue>[] = [
  info(
    'tapscope_queue_owner_info',
    'Process that holds the file descriptor of the queue (struct tun_file; of a macvtap struct tap_queue), and the thread that reads it, as seen in read, poll, epoll_wait or as vhost-net’s worker; empty: none was seen, or several take turns.',
    ['pid', 'comm', 'thread'],
    ({ owner, reader }) =>
      owner === undefined ? [] : [series(1, String(owner.pid), owner.comm, String(reader?.thread ?? ''))],
  ),
  core(
    counters(
      'tapscope_reader_full_seconds_total',
      'Time in which the queue towards the guest or reader was full or stopped or had no reader, by what its reader did (task_struct.__state, on_cpu). Sampled whether the queue is full; running and waiting between two such samples are the scheduler’s own (se.sum_exec_runtime, sched_info.run_delay), at most 0.1 s more than /proc/PID/task/TID/schedstat. waiting: it could run, and others had the CPU; stopped: by a signal or the freezer; throttled: its cgroup had used up its CPU time; of an idle vhost-net worker, what stops its owner; of a process whose reading thread is not known, the sums of its threads.',
      ['state'],
      ({ reader }) => (reader?.fullSeconds ?? []).map(({ state, seconds }) => series(seconds, state)),
    ),
  ),
  counters(
    'tapscope_reader_sampled_wakeups_total',
    'Packets, of one in 256, that found the reader asleep and left it awake, by the CPU that it was woken on: the one that sent the packet, or another (task_struct.__state before and after tun_net_xmit).',
    ['woken_on'],
    ({ wakeups }) => (wakeups ? [series(wakeups.there, 'same'), series(wakeups.elsewhere, 'other')] : []),
  ),
];

const UNRESOLVED: Identity = {
  program: 'unresolved',
  vm: '',
  uuid: '',
  runtime: '',
  container: '',
  pod: '',
  unit: '',
};

/** Subject labels: netns, device. The labels are those of kube-state-metrics' kube_pod_info. */
export const podInfo: Metric<Device> = info(
  'tapscope_device_pod_info',
  'The pod that the device belongs to: uid by the cgroup of the process that holds its first queue, namespace and pod by the kubelet’s folders in /var/log/pods.',
  ['uid', 'namespace', 'pod'],
  ({ queues }) => {
    const { pod = '', podName } = queues.find((queue) => queue.owner)?.owner?.identity ?? {};
    const [namespace, name] = podName?.split('/') ?? [];
    return namespace && name ? [series(1, pod, namespace, name)] : [];
  },
);

/** Subject labels: netns, device. */
export const ownerInfo: Metric<Device> = core(
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
);

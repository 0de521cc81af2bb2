// SPDX-License-Identifier: Apache-2.0
// The catalogue's metric of queues that join and leave.
import { counters, type Metric, series } from '../../metric.ts';
import type { Device } from '../../snapshot/device.ts';

/** Subject labels: netns, device. */
export const queueChangeMetrics: readonly Metric<Device>[] = [
  counters(
    'tapscope_device_queue_changes_total',
    'Times that a queue joined or left the device since it was first seen: opened or closed, attached or detached by TUNSETQUEUE (__tun_detach, tun_struct.numqueues).',
    ['change'],
    ({ queueChanges: changes }) => (changes ? [series(changes.joined, 'joined'), series(changes.left, 'left')] : []),
  ),
];

// SPDX-License-Identifier: Apache-2.0
// The agent itself: its probes, what it lost, and what watching costs.
import type { Subject } from '../engine/subject.ts';
import { counter, counters, gauge, gauges, info, series } from '../snapshot/metric.ts';

export const self: Subject = {
  name: 'self',
  events: [],
  metrics: {
    agent: [
      gauges(
        'tapscope_probe_attached',
        '1 while the mechanism measures the event; 0: nothing measures it on this host, tapscope doctor says why.',
        ['event', 'mechanism'],
        (agent) => agent.probes.map(({ event, mechanism, attached }) => series(Number(attached), event, mechanism)),
      ),
      counters(
        'tapscope_probe_missed_total',
        'Runs of a probe that the kernel skipped: events that it did not see (recursion_misses of bpf_prog_info).',
        ['event', 'mechanism'],
        (agent) =>
          agent.probes
            .filter(({ attached }) => attached)
            .map(({ event, mechanism, missed }) => series(missed, event, mechanism)),
      ),
      gauge(
        'tapscope_rows_used',
        'Rows of kernel counters in use: one for each device, queue and CPU that was seen.',
        (agent) => agent.rowsUsed,
      ),
      gauge('tapscope_rows_capacity', 'Rows of kernel counters allocated.', (agent) => agent.rowsCapacity),
      counters(
        'tapscope_events_lost_total',
        'Events that our programs saw and could not count where they belong. no_row: all rows are used; ending_device: of a device that is being deleted; reason: drops shown as reason other; histogram: samples and durations beyond their table; before: losses before tun beyond their table; no_device: drops in tun of packets that name no device; event: rare events of queues beyond their table; receive, redirect, macvtap: refused writes and vhost batches, XDP frames, reads of macvtaps beyond their tables; ended: last counters of devices beyond their table.',
        ['cause'],
        (agent) => agent.eventsLost.map(({ cause, events }) => series(events, cause)),
      ),
      gauge(
        'tapscope_namespaces_unresolved',
        'Network namespaces that were seen but could not be entered: their devices lack what rtnetlink knows.',
        (agent) => agent.namespacesUnresolved,
      ),
      info('tapscope_namespace_info', 'Name of a network namespace (inode number).', ['netns', 'name'], (agent) =>
        [...agent.namespaceNames].map(([netns, name]) => series(1, String(netns), name)),
      ),
      counter(
        'tapscope_snapshots_incomplete_total',
        'Snapshots in which a namespace or the walk over all devices could not be read completely.',
        (agent) => agent.incompleteSnapshots,
      ),
      counter(
        'tapscope_looks_failed_total',
        'Looks at owners, drivers and the budget that failed, once a second at most: after one, these may be old.',
        (agent) => agent.failedLooks?.count,
      ),
      gauges(
        'tapscope_overhead_ratio',
        'Share of all CPUs that watching costs: kernel (our programs and their hooks, from BPF run statistics that are on for moments), agent (this process).',
        ['part'],
        (agent) => [...agent.overhead].map(([part, ratio]) => series(ratio, part)),
      ),
      gauges(
        'tapscope_agent_level',
        '1 for the level in use: rest while all is well (no program is on the way of packets, except one where a device may have several queues); exact; lean while the budget is passed (nothing is counted on the enqueue path).',
        ['level'],
        (agent) => ['exact', 'rest', 'lean'].map((level) => series(Number(level === agent.level), level)),
      ),
      counter(
        'tapscope_epochs_total',
        'Sets of mechanisms that have measured since the agent started: another begins when the level changes, a module comes or goes, or a device asks for more probes. Counters go on; what is derived and what is counted may change.',
        (agent) => agent.epoch,
      ),
      counter(
        'tapscope_budget_sheds_total',
        'How often the budget was passed and the level went to lean.',
        (agent) => agent.sheds,
      ),
      gauge(
        'tapscope_agent_look_seconds',
        'Seconds between two samples of the host, which no scrape waits for: 1, or more while the agent itself takes more than the budget.',
        (agent) => agent.pace?.seconds,
      ),
      counter(
        'tapscope_serving_restarts_total',
        'How often the process that answers requests ended and was started again. Its history began anew; counters went on.',
        (agent) => agent.counting?.servingRestarts,
      ),
      counter(
        'tapscope_log_lines_dropped_total',
        'Lines that the log of the counting process lacks: nobody read it in time, its disk was full, or there were more than one a second.',
        (agent) => agent.counting?.logLinesDropped,
      ),
      counter(
        'tapscope_counting_process_cpu_seconds_total',
        'CPU time of the process that counts; process_cpu_seconds_total has that of the process that answers requests.',
        (agent) => agent.counting?.cpuSeconds,
      ),
      gauge(
        'tapscope_counting_process_resident_memory_bytes',
        'Resident memory of the process that counts; process_resident_memory_bytes has that of the process that answers requests.',
        (agent) => agent.counting?.residentBytes,
      ),
      gauge(
        'tapscope_snapshot_duration_seconds',
        'Time that the newest snapshot took.',
        (agent) => agent.snapshotSeconds,
      ),
    ],
  },
};

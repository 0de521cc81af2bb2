// SPDX-License-Identifier: Apache-2.0
// What the agent takes at one moment: memory, descriptors and BPF objects as the kernel has them, rows and audit as its page says.
import { readdirSync, readFileSync } from 'node:fs';
import { sumOf } from '../../src/engine/queue-sums.ts';
import { type Metrics, memoryOf } from '../../test/agent/serve-process.ts';
import { cpuMs } from '../../test/host/cpu-time.ts';
import type { FaultHost } from '../faults/fault-host.ts';
import { bpfObjectsOf } from '../faults/traces.ts';

const MIB = 2 ** 20;
/** Milliseconds of a clock tick of proc(5). */
const TICK_MS = 10;

/** undefined: one of the processes is not there. Names are those of the table. */
export function sampleOf({ agent }: FaultHost, page: Metrics): Readonly<Record<string, number>> | undefined {
  const { pid } = agent;
  const serving = agent.servingPid();
  if (serving === undefined) return undefined;
  try {
    const objects = bpfObjectsOf(pid);
    const count = (kind: string): number => objects.filter((id) => id.startsWith(kind)).length;
    return {
      'counting: own memory, MiB': memoryOf(pid).own / MIB,
      'counting: PSS, MiB': proportional(pid),
      'serving: own memory, MiB': memoryOf(serving).own / MIB,
      'serving: PSS, MiB': proportional(serving),
      // These figures are not judged: they show which part of the serving process's own memory changed.
      'heap of V8 that serves, MiB': mebibytes(page, 'nodejs_heap_size_total_bytes'),
      'heap of V8 in use, MiB': mebibytes(page, 'nodejs_heap_size_used_bytes'),
      'buffers outside of that heap, MiB': mebibytes(page, 'nodejs_external_memory_bytes'),
      'counting: descriptors': descriptors(pid),
      'serving: descriptors': descriptors(serving),
      'BPF programs': count('prog'),
      'BPF maps': count('map'),
      'BPF links': count('link'),
      'rows in use': page.value('tapscope_rows_used') ?? Number.NaN,
      'devices shown': Object.keys(page.by('device', 'tapscope_device_degraded')).length,
      'devices and queues marked': marked(page),
      'packets by which accounts of unmarked devices disagree': imbalance(page),
      'CPU of the agent, ms': cpuMs([pid, serving]),
      'CPU of the run itself, ms': ownCpu(),
    };
  } catch {
    return undefined; // a process ended meanwhile
  }
}

const mebibytes = (page: Metrics, name: string): number => (page.value(name) ?? Number.NaN) / MIB;

function proportional(pid: number): number {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  return (1024 * Number(/^Pss:\s+(\d+)/m.exec(text)?.[1])) / MIB;
}

const descriptors = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length;

function marked(page: Metrics): number {
  const devices = ['device', 'queue'].map((part) => page.by('device', `tapscope_${part}_degraded`));
  return sumOf(devices.flatMap((of) => Object.values(of)));
}

function imbalance(page: Metrics): number {
  const isMarked = page.by('device', 'tapscope_device_degraded');
  const off = page.by('device', 'tapscope_device_audit_imbalance_packets');
  return sumOf(Object.entries(off).map(([device, by]) => (isMarked[device] ? 0 : Math.abs(by))));
}

/** CPU time in ms of this process and of its programs that have ended; the agent, which still runs, is not in it. */
function ownCpu(): number {
  const stat = readFileSync('/proc/self/stat', 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return TICK_MS * sumOf(fields.slice(11, 15).map(Number));
}

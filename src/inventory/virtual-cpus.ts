// SPDX-License-Identifier: Apache-2.0
// Run time of the vCPUs of VMs for which packets wait: those of a paused guest never run.
import { readThreadTimes, type ThreadTime } from '../kernel/thread-times.ts';
import type { VirtualCpus } from '../snapshot/owner.ts';
import { WORKER_NAME } from '../snapshot/queue.ts';

/** QEMU with debug-threads=on (as libvirt starts it), cloud-hypervisor, Firecracker, crosvm. */
const NAMED = /^(?:CPU \d+\/\w+|ALL CPUs\/TCG|vcpu\d+|fc_vcpu \d+|crosvm_vcpu\d+)$/;
const QEMU = 'qemu';
const MACHINES: readonly string[] = [QEMU, 'firecracker', 'cloud-hypervisor', 'crosvm', 'kata'];

interface Machine {
  readonly pid: number;
  readonly program: string;
}

/** Decides by the program's name (src/inventory/command-line.ts). */
export function hasVcpus(program: string): boolean {
  return MACHINES.includes(program);
}

export class VcpuWatch {
  #seen: ReadonlyMap<number, VirtualCpus> = new Map();
  #busy = false;
  #version = 0;

  /** Grows when an answer becomes another. */
  get version(): number {
    return this.#version;
  }

  /** undefined: not looked at recently. */
  of(pid: number): VirtualCpus | undefined {
    return this.#seen.get(pid);
  }

  /** Forgets all others. Not for a scrape. */
  async refresh(machines: readonly Machine[]): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    try {
      const seen = new Map<number, VirtualCpus>();
      for (const { pid, program } of machines) {
        const threads = await readThreadTimes(pid);
        const cpus = threads && vcpusOf(pid, program, threads);
        if (cpus) seen.set(pid, cpus);
      }
      if (seen.size > 0 || this.#seen.size > 0) this.#version += 1;
      this.#seen = seen;
    } finally {
      this.#busy = false;
    }
  }
}

/** QEMU without debug-threads: every thread counts as a virtual CPU but workers and the first, the main loop. */
function vcpusOf(pid: number, program: string, threads: readonly ThreadTime[]): VirtualCpus | undefined {
  const named = threads.filter(({ comm }) => NAMED.test(comm));
  const others = program === QEMU ? threads.filter(({ tid, comm }) => tid !== pid && !WORKER_NAME.test(comm)) : [];
  const cpus = named.length > 0 ? named : others;
  if (cpus.length === 0) return undefined;
  return {
    threads: cpus.length,
    areNamed: named.length > 0,
    ranSeconds: cpus.reduce((sum, { ranNs }) => sum + ranNs, 0) / 1e9,
    runnable: cpus.filter(({ isRunnable }) => isRunnable).length,
    readAt: Date.now() / 1000,
  };
}

// SPDX-License-Identifier: Apache-2.0
// The virtual machine that holds a queue.

/** Where QEMU takes commands: a unix socket, as its command line names it. */
export interface Monitor {
  readonly protocol: 'hmp' | 'qmp';
  readonly path: string;
}

/** The threads that are a virtual machine's CPUs. */
export interface VirtualCpus {
  readonly threads: number;
  /** The threads' names say that they are CPUs; else all threads but the first count as CPUs. */
  readonly areNamed: boolean;
  /** CPU time of them together since they began. */
  readonly ranSeconds: number;
  /** CPU threads that ran or waited for a CPU at that moment; undefined: an older recording. */
  readonly runnable?: number;
  /** Unix time, seconds. */
  readonly readAt: number;
}

// SPDX-License-Identifier: Apache-2.0
// Whose a queue is: the process that holds its descriptor, the thread that reads it, and what they belong to.

/** Whose a process is, as its command line and cgroup say; '': they do not say it. */
export interface Identity {
  /** Known virtual machine monitor, VPN or user-mode network: qemu, firecracker, openvpn, … */
  readonly program: string;
  readonly vm: string;
  readonly uuid: string;
  /** docker, containerd, cri-o, podman, kata, …; libvirt, where it is the host’s. */
  readonly runtime: string;
  readonly container: string;
  /** Uid. */
  readonly pod: string;
  /** systemd unit, where it is no container. */
  readonly unit: string;
  /** NAMESPACE/NAME of the pod; absent: the kubelet of this host does not know it. */
  readonly podName?: string;
  /** The tenant by the operator's map, KubeVirt, nova or Kubernetes; absent: none of them knows it. */
  readonly tenant?: string;
}

/** The pod as people know it, else its uid; '': it is none. */
export function podOf(identity: Pick<Identity, 'pod' | 'podName'> | undefined): string {
  return identity?.podName || identity?.pod || '';
}

type Holder = Pick<Identity, 'vm' | 'uuid' | 'container' | 'pod' | 'podName'>;

/** What runs a process, as [kind, name]: a VM by name or UUID, else a pod, else a container by short id; undefined: none of them. */
export function guestOf(identity: Holder | undefined): readonly [kind: string, name: string] | undefined {
  const names = [
    ['VM', identity?.vm || identity?.uuid || ''],
    ['pod', podOf(identity)],
    ['container', identity?.container.slice(0, 12) ?? ''],
  ] as const;
  return names.find(([, name]) => name !== '');
}

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

/** What a thread has done since it began. */
export interface ThreadUse {
  readonly tid: number;
  readonly ranSeconds: number;
  /** It could run, and others had the CPU; a wait that lasts is in it from one look to the next. */
  readonly waitedSeconds: number;
  /** Calls of read() and its like, those of other descriptors too; undefined: not ours to look at. */
  readonly reads: number | undefined;
  /** It may not run on every CPU that is online. */
  readonly isBound: boolean;
  /** The kernel's function in which it slept at that moment (wchan); absent: it did not, it cannot be read, or an older recording. */
  readonly sleepsIn?: string;
}

/** Why a process does not run. */
export interface Halt {
  readonly by: 'signal' | 'tracer' | 'freezer';
  /** A debugger; only of `tracer`. */
  readonly tracer?: { readonly pid: number; readonly comm: string };
}

/** The threads of a process whose device loses packets. */
export interface ThreadUses {
  readonly threads: readonly ThreadUse[];
  /** The process that started it; absent: an older recording. */
  readonly parent?: number;
  /** Absent: it may run, or that is not ours to look at. */
  readonly halt?: Halt;
  /** Unix time, seconds. */
  readonly readAt: number;
}

/** The process that holds a queue's file descriptor. */
export interface Owner {
  readonly pid: number;
  readonly comm: string;
  /** Unix time, seconds; undefined: not known. */
  readonly startedAt: number | undefined;
  /** undefined: not looked up yet, or it could not be made sure that what was read is of this process. */
  readonly identity: Identity | undefined;
  /** The monitor of QEMU, where there is one. */
  readonly monitor?: Monitor;
  /** The virtual CPUs of a VM for which packets wait. */
  readonly vcpus?: VirtualCpus;
  /** Only while its device loses packets, and for some seconds after. */
  readonly uses?: ThreadUses;
}

// SPDX-License-Identifier: Apache-2.0
// What an owner is called outside the kernel.

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

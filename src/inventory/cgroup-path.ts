// SPDX-License-Identifier: Apache-2.0
// Container, pod, libvirt's VM or systemd unit of a cgroup path. A pure function of untrusted text.
import { bytesOfName, nameOfLatin1 } from '../foreign-name.ts';

export interface CgroupPath {
  /** docker, containerd, cri-o, podman, …; '': none, or the path does not tell. */
  readonly runtime: string;
  readonly container: string;
  /** Kubernetes' uid with dashes, or podman's id of a pod. */
  readonly pod: string;
  /** The name with which libvirt registered it at systemd, without characters that a machine's name may not have. */
  readonly machine: string;
  /** The innermost unit, where it is no container. */
  readonly unit: string;
}

const NOTHING: CgroupPath = { runtime: '', container: '', pod: '', machine: '', unit: '' };
const ID = '([0-9a-f]{64})';

/** Scopes as the systemd driver of each runtime names them; the id stands alone as the first group. */
const SCOPES: readonly (readonly [runtime: string, component: RegExp])[] = [
  ['docker', new RegExp(`^docker-${ID}\\.scope$`)],
  ['containerd', new RegExp(`^(?:cri-containerd|nerdctl)-${ID}\\.scope$`)],
  // The systemd driver's notation on a host that uses cgroupfs: SLICE:PREFIX:ID.
  ['containerd', new RegExp(`:(?:cri-containerd|nerdctl):${ID}$`)],
  ['cri-o', new RegExp(`^crio-${ID}(?:\\.scope)?$`)],
  ['podman', new RegExp(`^libpod-${ID}(?:\\.scope)?$`)],
  ['lxc', /^lxc\.payload\.([^/]+)$/],
];
/** The cgroupfs driver makes a folder of the id; the folder above names the runtime. */
const PARENTS: ReadonlyMap<string, string> = new Map([
  ['docker', 'docker'],
  ['k8s.io', 'containerd'],
  ['default', 'containerd'],
]);

const UID = '([0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12}|[0-9a-f]{32})';
const POD_SLICE = new RegExp(`kubepods(?:-besteffort|-burstable|-guaranteed)?-pod${UID}\\.slice(?::|$)`);
const POD_FOLDER = new RegExp(`^pod${UID}$`);
const PODMAN_POD = new RegExp(`^machine-libpod_pod_${ID}\\.slice$`);

/** The text of /proc/PID/cgroup, as readCgroup() gives it: the unified hierarchy's line if it tells something, else systemd's own, else any. */
export function readCgroups(text: string): CgroupPath {
  const fields = (line: string): RegExpExecArray | null => /^\d+:([^:]*):(\/.*?)(?: \(deleted\))?$/.exec(line);
  const lines = text
    .split('\n')
    .map(fields)
    .filter((line) => line !== null);
  const of = (wanted: string): readonly RegExpExecArray[] => lines.filter(([, controllers]) => controllers === wanted);
  const paths = [...of(''), ...of('name=systemd'), ...lines].map(([, , path = '']) => readCgroupPath(path));
  const owned = paths.find(({ container, pod, machine }) => container || pod || machine);
  return owned ?? paths.find(({ unit }) => unit) ?? NOTHING;
}

export function readCgroupPath(path: string): CgroupPath {
  const components = path.split('/').filter((component) => component !== '');
  const { runtime, container } = containerOf(components);
  const pod = podOf(components);
  const unit = container ? '' : (components.findLast((component) => /\.(?:service|scope)$/.test(component)) ?? '');
  return { runtime, container, pod, machine: machineOf(components), unit };
}

/** The innermost: a container may run others. */
function containerOf(components: readonly string[]): Pick<CgroupPath, 'runtime' | 'container'> {
  for (let i = components.length - 1; i >= 0; i--) {
    const component = components[i] ?? '';
    for (const [runtime, pattern] of SCOPES) {
      const container = pattern.exec(component)?.[1];
      if (container) return { runtime, container };
    }
    const parent = components[i - 1] ?? '';
    if (new RegExp(`^${ID}$`).test(component) && (PARENTS.has(parent) || POD_FOLDER.test(parent)))
      return { runtime: PARENTS.get(parent) ?? '', container: component };
  }
  return { runtime: '', container: '' };
}

function podOf(components: readonly string[]): string {
  for (const component of components.toReversed()) {
    const uid = POD_SLICE.exec(component)?.[1] ?? POD_FOLDER.exec(component)?.[1];
    if (uid) return uid.replaceAll('_', '-');
    const podman = PODMAN_POD.exec(component)?.[1];
    if (podman) return podman;
  }
  return '';
}

/** libvirt's scope machine-qemu\x2d1\x2dNAME.scope, or before systemd qemu-1-NAME.libvirt-qemu. */
function machineOf(components: readonly string[]): string {
  for (const component of components) {
    const scope = /^machine-(qemu.+)\.scope$/.exec(component)?.[1];
    const name = scope ? unescapeUnit(scope) : /^(qemu-.+)\.libvirt-qemu$/.exec(component)?.[1];
    const machine = name && /^qemu-\d+-(.+)$/.exec(name)?.[1];
    if (machine) return machine;
  }
  return '';
}

/** Does what systemd-escape --unescape does: its escapes are of bytes too, and stand in the bytes of the folder's name. */
function unescapeUnit(name: string): string {
  const bytes = Array.from(bytesOfName(name), (byte) => String.fromCharCode(byte)).join('');
  return nameOfLatin1(
    bytes
      .replaceAll('-', '/')
      .replace(/\\x([0-9a-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
  );
}

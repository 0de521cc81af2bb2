// SPDX-License-Identifier: Apache-2.0
// Files that tell whose a guest is: the operator's map, the kubelet's folders of logs, libvirt's description of a running VM.
import { readFileSync, statSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** The kubelet names each pod's folder NAMESPACE_NAME_UID (kubernetes: pkg/kubelet/kuberuntime, BuildPodLogsDirectory). */
const POD_LOGS = '/var/log/pods';
/** libvirt's state of the VMs that run. */
const LIBVIRT_STATE = '/run/libvirt/qemu';

/** `stamp` differs when the file was written anew. */
export function readStamped(file: string): { readonly stamp: string; readonly text: () => string } {
  const { mtimeMs, ino, size } = statSync(file);
  return { stamp: `${mtimeMs} ${ino} ${size}`, text: () => readFileSync(file, 'utf8') };
}

/** Namespace of each pod on this host, by the pod's uid; empty where there is no kubelet, or its folder is not ours to read. */
export async function podNamespaces(folder = POD_LOGS): Promise<ReadonlyMap<string, string>> {
  const names = await readdir(folder).catch(() => []);
  const found = new Map<string, string>();
  for (const name of names) {
    const [uid, namespace] = namespaceIn(name) ?? [];
    if (uid && namespace) found.set(uid, namespace);
  }
  return found;
}

/** The pod's uid and its namespace; undefined: it is no pod's folder, such as lost+found. */
export function namespaceIn(name: string): readonly [uid: string, namespace: string] | undefined {
  // Neither a namespace nor a pod has an underscore in its name.
  const [namespace, pod, uid, ...more] = name.split('_');
  return namespace && pod && uid && more.length === 0 ? [uid, namespace] : undefined;
}

/** Project of a VM that OpenStack's nova started (nova:project in the metadata of its domain); '': it has none, or there is no such VM. */
export async function novaProject(vm: string, folder = LIBVIRT_STATE): Promise<string> {
  if (vm === '' || vm.includes('/')) return '';
  const text = await readFile(join(folder, `${vm}.xml`), 'utf8').catch(() => '');
  return projectIn(text);
}

/** In time that grows as the text does: no tag reaches beyond the next. */
export function projectIn(xml: string): string {
  return /<nova:project\b[^<>]*>([^<]*)</.exec(xml)?.[1]?.trim() ?? '';
}

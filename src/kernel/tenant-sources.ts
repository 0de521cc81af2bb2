// SPDX-License-Identifier: Apache-2.0
// Files that tell whose a guest is: the kubelet's folders of logs, libvirt's description of a running VM.
import { opendir } from 'node:fs/promises';
import { join } from 'node:path';
import { bytesOfName } from '../foreign-name.ts';
import { readOperatorFile } from '../operator-file.ts';

/** The kubelet names each pod's folder NAMESPACE_NAME_UID (kubernetes: pkg/kubelet/kuberuntime, BuildPodLogsDirectory). */
const POD_LOGS = '/var/log/pods';
/** libvirt's state of the VMs that run. */
const LIBVIRT_STATE = '/run/libvirt/qemu';

export interface PodName {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
}

/** A node has 110 pods, as Kubernetes sets its limit; those that ended are kept for a while. */
const MOST_PODS = 10_000;

/** The pods of this host, by uid; empty where there is no kubelet, or its folder is not ours to read. No file in it is opened. */
export async function podNames(folder = POD_LOGS): Promise<ReadonlyMap<string, PodName>> {
  const found = new Map<string, PodName>();
  try {
    let seen = 0;
    for await (const { name } of await opendir(folder)) {
      const pod = podIn(name);
      if (pod) found.set(pod.uid, pod);
      seen += 1;
      if (seen >= MOST_PODS) break;
    }
  } catch {
    // There is none, or it went away while it was read.
  }
  return found;
}

/** RFC 1123, as the API server demands it of namespaces and pods: neither has an underscore. */
const NAME = /^[a-z\d](?:[a-z\d.-]{0,251}[a-z\d])?$/;
/** The uid that the API server gave, or the hash of a static pod's file. */
const UID = /^(?:[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}|[\da-f]{32})$/;

/** undefined: it is no pod's folder, such as lost+found. */
export function podIn(folder: string): PodName | undefined {
  const [namespace = '', name = '', uid = '', ...more] = folder.split('_');
  const isPod = more.length === 0 && NAME.test(namespace) && NAME.test(name) && UID.test(uid);
  return isPod ? { uid, namespace, name } : undefined;
}

/** Project of a VM that OpenStack's nova started (nova:project in the metadata of its domain); '': it has none, or there is no such VM. */
export async function novaProject(vm: string, folder = LIBVIRT_STATE): Promise<string> {
  if (vm === '' || vm.includes('/')) return '';
  // libvirt takes names from XML, so they are UTF-8.
  const file = `${Buffer.from(bytesOfName(vm)).toString()}.xml`;
  const text = await readOperatorFile(join(folder, file)).catch(() => '');
  return projectIn(text);
}

/** The time is linear in the length of the text: no tag reaches beyond the next. */
export function projectIn(xml: string): string {
  return /<nova:project\b[^<>]*>([^<]*)</.exec(xml)?.[1]?.trim() ?? '';
}

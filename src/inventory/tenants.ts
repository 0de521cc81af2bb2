// SPDX-License-Identifier: Apache-2.0
// How a pod is called, and whose a guest is: by the operator's map, else KubeVirt's name of the guest, else nova's project, else the pod's namespace.
import { nameOf } from '../foreign-name.ts';
import { novaProject, type PodName, podNames } from '../kernel/tenant-sources.ts';
import { readOperatorFile, readOperatorFileAtStart } from '../operator-file.ts';
import type { Identity } from '../snapshot/owner.ts';
import { LONGEST_TENANT, parseTenantMap, type TenantMap, TenantMapError, tenantIn } from './tenant-map.ts';

const READ_EVERY_MS = 10_000;

export class Tenants {
  readonly #file: string | undefined;
  readonly #say: (error: Error) => void;
  #map: TenantMap = new Map();
  #text = '';
  #pods: ReadonlyMap<string, PodName> = new Map();
  readonly #podLogs: string | undefined;
  #readMs = Number.NEGATIVE_INFINITY;

  /** Throws one sentence where the map cannot be read. `say` hears of a map that became bad later: the last good one stays. */
  constructor(file?: string, say: (error: Error) => void = () => {}, podLogs?: string) {
    this.#file = file;
    this.#podLogs = podLogs;
    this.#say = say;
    if (file === undefined) return;
    try {
      this.#use(file, readOperatorFileAtStart(file));
    } catch (error) {
      throw sentenceOf(file, error);
    }
  }

  /** Reads again what may have changed; at most every ten seconds. */
  async refresh(): Promise<void> {
    if (performance.now() - this.#readMs < READ_EVERY_MS) return;
    this.#readMs = performance.now();
    this.#pods = await podNames(this.#podLogs);
    if (this.#file === undefined) return;
    try {
      this.#use(this.#file, await readOperatorFile(this.#file));
    } catch (error) {
      this.#say(sentenceOf(this.#file, error));
    }
  }

  /** '': none of the sources knows. */
  async of(identity: Identity): Promise<string> {
    const { program, vm, pod, runtime } = identity;
    const mapped = tenantIn(this.#map, identity);
    if (mapped) return mapped;
    // KubeVirt calls its guests NAMESPACE_NAME, and neither part has an underscore.
    const [namespace, name, ...more] = vm.split('_');
    if (program === 'qemu' && pod && namespace && name && more.length === 0) return namespace;
    const project = runtime === 'libvirt' ? await novaProject(vm) : '';
    return nameOf(Buffer.from(project)).slice(0, LONGEST_TENANT) || (this.#pods.get(pod)?.namespace ?? '');
  }

  /** NAMESPACE/NAME; undefined: the kubelet has no such pod. */
  podName({ pod }: Identity): string | undefined {
    const found = this.#pods.get(pod);
    return found && `${found.namespace}/${found.name}`;
  }

  #use(file: string, text: string): void {
    if (text === this.#text) return;
    this.#text = text;
    this.#map = parseTenantMap(file, text);
  }
}

function sentenceOf(file: string, error: unknown): Error {
  if (error instanceof TenantMapError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return new Error(`--tenant-map=${file} cannot be read (${reason}).`, { cause: error });
}

// SPDX-License-Identifier: Apache-2.0
// Which process holds each queue: by an iterator over all descriptors, or from /proc where BPF is refused.
import { type Layout, layoutOf } from '../kernel/layout.ts';
import type { BpfObject } from '../kernel/native.ts';
import { listTunHolders } from '../kernel/tun-holders.ts';
import type { Owner } from '../snapshot.ts';

/** Owners of queues, as far as they were found; unknown ones stay unknown. */
export interface Owners {
  readonly ofQueue: (netns: number, device: string, tunFile: bigint) => Owner | undefined;
}

export const NO_OWNERS: Owners = { ofQueue: () => undefined };

const FIELDS = ['tun_file', 'pid', 'comm'] as const;
const COMM_BYTES = 16;

/** Costs some milliseconds on a large host, hence run by the sampler and not by a scrape. */
export class OwnerIterator {
  readonly #object: BpfObject;
  readonly #layout: Layout<(typeof FIELDS)[number]>;

  constructor(object: BpfObject) {
    this.#object = object;
    this.#layout = layoutOf(object.btf(), 'queue_owner', FIELDS);
  }

  read(): Owners {
    const bytes = this.#object.iterate('queue_owners');
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const owners = new Map<bigint, Owner>();
    for (let base = 0; base + this.#layout.size <= bytes.length; base += this.#layout.size) {
      const tunFile = view.getBigUint64(base + this.#layout.at.tun_file, true);
      const pid = view.getUint32(base + this.#layout.at.pid, true);
      const known = owners.get(tunFile);
      // A descriptor that was inherited or passed on has several holders: the oldest process is the one that made it.
      if (!known || pid < known.pid) owners.set(tunFile, { pid, comm: text(bytes, base + this.#layout.at.comm) });
    }
    return { ofQueue: (_netns, _device, tunFile) => owners.get(tunFile) };
  }
}

/** /proc tells the device of a descriptor, not its queue: with several holders none is named. */
export async function readOwnersFromProc(): Promise<Owners> {
  const owners = new Map<string, Owner | undefined>();
  for (const { netns, device, pid, comm } of await listTunHolders()) {
    const key = `${netns} ${device}`;
    owners.set(key, owners.has(key) ? undefined : { pid, comm });
  }
  return { ofQueue: (netns, device) => owners.get(`${netns} ${device}`) };
}

function text(bytes: Uint8Array, from: number): string {
  const field = bytes.subarray(from, from + COMM_BYTES);
  const end = field.indexOf(0);
  return new TextDecoder().decode(end < 0 ? field : field.subarray(0, end));
}

// SPDX-License-Identifier: Apache-2.0
// The flow table of a device, by BPF_PROG_TEST_RUN of count_flows.
import { type Layout, layoutOf } from '../kernel/layout.ts';
import type { BpfObject } from '../kernel/native.ts';
import type { FlowTable } from '../snapshot/program.ts';

const FIELDS = ['tun_file', 'known', 'steered', 'flows', 'queues'] as const;

export class FlowTables {
  readonly #object: BpfObject;
  readonly #layout: Layout<(typeof FIELDS)[number]>;

  /** `object`: the one that holds count_flows. */
  constructor(object: BpfObject) {
    this.#object = object;
    this.#layout = layoutOf(object.btf(), 'flow_table', FIELDS);
  }

  /** Of the device that a tun_file is attached to; undefined: of none, or this kernel's types do not tell. */
  read(tunFile: bigint, queues: number): FlowTable | undefined {
    const { at, size } = this.#layout;
    const request = new Uint8Array(size);
    const view = new DataView(request.buffer);
    view.setBigUint64(at.tun_file, tunFile, true);
    this.#object.testRun('count_flows', request);
    if (view.getUint32(at.known, true) === 0) return undefined;
    const counted = Math.min(queues, (size - at.queues) / 4);
    return {
      flows: view.getUint32(at.flows, true),
      flowsOfQueues: Array.from({ length: counted }, (_, queue) => view.getUint32(at.queues + 4 * queue, true)),
      isSteered: view.getUint32(at.steered, true) !== 0,
    };
  }
}

// SPDX-License-Identifier: Apache-2.0
// Programs that are attached only while devices or packets ask for them.
import type { Probes } from '../engine/attach.ts';
import type { WalkedDevice } from '../engine/walk.ts';
import type { DeviceFilter } from '../inventory/device-filter.ts';
import { mayDieOfPatching } from '../kernel/emulated.ts';
import { Globals } from '../kernel/globals.ts';
import type { BpfObject } from '../kernel/native.ts';
import { asksForFlowControl, mayHaveSeveralQueues } from './device-view.ts';

/** The exit of the transmit function costs each packet as much as all else: it stays for so long after the last that asked for it. */
const KEPT_SECONDS = 60;

export class Demands {
  readonly #probes: Probes;
  readonly #globals: Globals<'shared_seen'>;
  readonly #isShown: DeviceFilter;
  #shared = 0;
  #askedAt = Number.NEGATIVE_INFINITY;
  /** Programs do not rely on the exit, from the next walk on: it may be detached at the sample after it. */
  #released = true;
  #demanded = false;
  /** The programs stay on from the start: patching a function under load may kill an emulated machine. */
  readonly #always = mayDieOfPatching();

  constructor(probes: Probes, object: BpfObject, isShown: DeviceFilter = () => true) {
    this.#probes = probes;
    this.#isShown = isShown;
    this.#globals = new Globals(object, ['shared_seen']);
  }

  /** Programs may rely on the exit of the transmit function: it was asked for, or --mechanism chose it. */
  get exits(): boolean {
    return this.#probes.can('exits') && !(this.#demanded && this.#released);
  }

  /** Answers whether something was attached or detached. */
  update(devices: readonly WalkedDevice[], nowSeconds = performance.now() / 1000): boolean {
    const backpressure = devices.some(asksForFlowControl);
    const split = this.#demandSplit(
      devices.some((device) => mayHaveSeveralQueues(device) && this.#isShown(device.name)),
    );
    const isNew = this.#probes.demand('backpressure', backpressure) || split;
    if (!this.#probes.can('entry-only')) return isNew;
    this.#demanded = this.#exitsWanted(backpressure, nowSeconds);
    return this.#probes.demand('exits', this.#demanded) || isNew;
  }

  /** Queues are told apart by what leaves each ring, or by what enters it where nothing counts that. */
  #demandSplit(wanted: boolean): boolean {
    const isNew = this.#probes.demand('split', wanted);
    return this.#probes.demand('entries', wanted && !this.#probes.can('dequeues')) || isNew;
  }

  /** The drop of a packet that others hold too fires no tracepoint, and that it stopped its queue is seen at the exit only. */
  #exitsWanted(backpressure: boolean, nowSeconds: number): boolean {
    const shared = this.#globals.u64('shared_seen');
    if (backpressure || shared !== this.#shared || this.#always) this.#askedAt = nowSeconds;
    this.#shared = shared;
    const wasReleased = this.#released;
    this.#released = nowSeconds - this.#askedAt >= KEPT_SECONDS;
    return !this.#released || !wasReleased;
  }
}

// SPDX-License-Identifier: Apache-2.0
// A tap of the random tests: what the kernel has, and the model of it beside.
import type { NamespaceLab } from '../../test/host/netns.ts';
import type { Random } from '../../test/host/random.ts';
import type { TestReader } from '../../test/test-reader/test-reader.ts';
import type { TapModel } from './tap-model.ts';

export interface Place {
  readonly lab: NamespaceLab;
  readonly testReader: TestReader;
}

/** What a step did that only the kernel's counters tell in full. */
export interface Done {
  readonly told: string;
  /** Frames to a queue. */
  readonly sent?: { readonly queue: number; readonly tried: number };
  /** Packets that a reader took out. */
  readonly read?: number;
}

/** What a tap is for its whole life. */
export interface Form {
  readonly queues: number;
  readonly persistent: boolean;
  /** Its reads can fail: with a virtio-net header tun gives up a packet that it cannot copy. */
  readonly header: boolean;
  /** Its queues stay: nothing is ever closed, attached or detached, so that no figure may be marked. */
  readonly settled: boolean;
}

export interface Tap {
  readonly name: string;
  readonly form: Form;
  readonly random: Random;
  /** Where it is: 0 or 1. */
  place: number;
  up: boolean;
  length: number;
  model: TapModel;
  /** The test reader that holds each descriptor. */
  readonly holders: Map<string, TestReader>;
  /** The kernel's counters at the last round. */
  counters: Counters;
  /** What was done to it, the newest last. */
  readonly story: string[];
  /** A difference was found, and told. */
  wrong: boolean;
}

export interface Counters {
  readonly txPackets: number;
  readonly txDropped: number;
}

/** The device went with its last descriptor. */
export const GONE = 'closed the last, and the device went';

export async function take(tap: Tap, id: string, count: number | 'all'): Promise<number> {
  const { packets } = (await tap.holders.get(id)?.read(id, count)) ?? { packets: 0 };
  tap.model.took(id, packets, 'delivered');
  return packets;
}

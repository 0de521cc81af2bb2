// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// Cache misses do not show on the instruction clock, and the lab has no counters of them. So the lines are counted that a packet touches
// of what the programs keep for CPUs and queues: a model. Which fields a path needs is read from its code by people; where they lie is
// read from the object. The packet's own lines, the kernel's and those of `.rodata` are not counted.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import test from 'node:test';
import { layoutOf } from '../../src/kernel/layout.ts';
import { BpfObject } from '../../src/kernel/native.ts';

const OBJECT = join(import.meta.dirname, '../../dist/bpf/tapscope.bpf.o');
const LINE_BYTES = 64;
const MOST_LINES = 3;

interface Path {
  readonly fields: Readonly<Record<string, readonly string[]>>;
  /** Kept for a CPU: the number of the newest row, which is that of another queue where queues take turns. */
  readonly newest: string;
  /** What is compared in that row before the packet's own is looked up in the table. */
  readonly compared: readonly string[];
}

/** What a usual packet touches: its queue is that of the packet before it on this CPU, and nothing is sampled. */
const PATHS: Readonly<Record<string, Path>> = {
  enqueue: {
    fields: {
      cpu_state: ['sent_row', 'entered'],
      row: ['device', 'place', 'queue', 'sample_mask', 'offered', 'offered_bytes'],
      queue: ['watch'],
    },
    newest: 'sent_row',
    compared: ['device', 'place'],
  },
  'drop at level exact': {
    fields: {
      cpu_state: ['sent_row', 'entered', 'skb'],
      row: ['device', 'place', 'queue', 'sample_mask', 'offered', 'offered_bytes', 'dropped'],
      queue: ['watch', 'full_ring_drops'],
    },
    newest: 'sent_row',
    compared: ['device', 'place'],
  },
  'drop at level lean': {
    fields: {
      cpu_state: ['skb', 'entered', 'freed_row'],
      row: ['device', 'place', 'dropped', 'bypassed'],
    },
    newest: 'freed_row',
    compared: ['device', 'place'],
  },
  'read, with a mark in the ring': {
    fields: {
      cpu_state: ['taken_row'],
      row: ['device', 'place', 'queue', 'consumed'],
      queue: ['watch', 'ahead'],
    },
    newest: 'taken_row',
    compared: ['device', 'place'],
  },
};

const btf = new BpfObject(OBJECT).btf();

/** The cache lines of a struct that hold these fields. */
function linesOf(struct: string, fields: readonly string[]): readonly string[] {
  const { at, size } = layoutOf(btf, struct, fields);
  assert.equal(size % LINE_BYTES, 0, `each struct ${struct} begins a line`);
  const touched = fields.map((field) => Math.floor((at[field] ?? Number.NaN) / LINE_BYTES));
  return [...new Set(touched)].map((line) => `line ${line} of ${struct}`);
}

test('what is kept for a CPU, and rows, begin cache lines', () => {
  const variables = btf.variables('.bss');
  for (const name of ['cpus', 'rows']) {
    const { offset = Number.NaN } = variables.find((one) => one.name === name) ?? {};
    assert.equal(offset % LINE_BYTES, 0, `${name} begins at ${offset}`);
  }
});

for (const [path, { fields, newest, compared }] of Object.entries(PATHS)) {
  const lines = (): readonly string[] => Object.entries(fields).flatMap(([struct, names]) => linesOf(struct, names));

  test(`${path}: at most ${MOST_LINES} cache lines`, () => {
    assert.ok(lines().length <= MOST_LINES, lines().join(', '));
  });

  // The CPU's state and the row of the packet before were touched by that packet, so they are in the cache. Of this queue nothing is,
  // where so many take turns that its lines have gone since its last packet. Both cells of a pair lie in one line.
  test(`${path}, queues in turn: at most ${MOST_LINES} cache lines that the packet before did not touch`, () => {
    const ofQueue = lines().filter((line) => !line.endsWith('cpu_state'));
    const touched = [...ofQueue, 'its cell of the table'];
    assert.ok(touched.length <= MOST_LINES, touched.join(', '));
    const before = [...linesOf('cpu_state', [newest]), ...linesOf('row', compared)];
    for (const line of before) assert.ok(lines().includes(line), `${line} was not touched by the packet before`);
  });
}

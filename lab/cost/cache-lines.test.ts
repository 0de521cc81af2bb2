// SPDX-License-Identifier: Apache-2.0
// Cache misses do not show on the instruction clock: so the lines are counted that a packet touches of what the programs keep for CPUs and
// queues. Which fields a path needs is read from its code by people; where they lie is read from the object.
import assert from 'node:assert/strict';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { layoutOf } from '../../src/kernel/layout.ts';
import { BpfObject } from '../../src/kernel/native.ts';

const OBJECT = join(dirname(fileURLToPath(import.meta.url)), '../../dist/bpf/tapscope.bpf.o');
const LINE_BYTES = 64;
const MOST_LINES = 3;

/** Of a packet whose queue is that of the one before on this CPU, and for which nothing must be looked at closely. */
const PATHS: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  enqueue: {
    cpu_state: ['sent_row', 'entered'],
    row: ['device', 'place', 'queue', 'sample_mask', 'offered', 'offered_bytes'],
    queue: ['watch'],
  },
  'drop at level exact': {
    cpu_state: ['sent_row', 'entered', 'skb'],
    row: ['device', 'place', 'queue', 'sample_mask', 'offered', 'offered_bytes', 'dropped'],
    queue: ['watch', 'overflowed'],
  },
  'drop at level lean': {
    cpu_state: ['skb', 'entered', 'freed_row'],
    row: ['device', 'place', 'dropped', 'bypassed'],
  },
  'read, with a mark in the ring': {
    cpu_state: ['taken_row'],
    row: ['device', 'place', 'queue', 'consumed'],
    queue: ['watch', 'ahead'],
  },
};

test('what is kept for a CPU, and rows, begin cache lines', () => {
  const variables = new BpfObject(OBJECT).btf().variables('.bss');
  for (const name of ['cpus', 'rows']) {
    const { offset = Number.NaN } = variables.find((one) => one.name === name) ?? {};
    assert.equal(offset % LINE_BYTES, 0, `${name} begins at ${offset}`);
  }
});

for (const [path, structs] of Object.entries(PATHS))
  test(`${path}: at most ${MOST_LINES} cache lines`, () => {
    const btf = new BpfObject(OBJECT).btf();
    const lines = Object.entries(structs).flatMap(([name, fields]) => {
      const { at, size } = layoutOf(btf, name, fields);
      assert.equal(size % LINE_BYTES, 0, `each struct ${name} begins a line`);
      const touched = fields.map((field) => Math.floor((at[field] ?? Number.NaN) / LINE_BYTES));
      return [...new Set(touched)].map((line) => `${line} of ${name}`);
    });
    assert.ok(lines.length <= MOST_LINES, lines.join(', '));
  });

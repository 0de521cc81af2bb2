// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { interruptsSince, readInterrupts } from './interrupts.ts';

function proc(t: TestContext, files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'tapscope-interrupts-'));
  t.after(() => rmSync(folder, { recursive: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
}

test('x86: rows by their names, CPUs by theirs', (t) => {
  const folder = proc(t, {
    stat: 'cpu  1 2 3\nintr 4711 5 0 0\nctxt 9\n',
    interrupts: `           CPU0       CPU2
  24:          1          2   PCI-MSIX-0000:00:01.0   0-edge      virtio0-config
 LOC:        100        200   Local timer interrupts
 RES:         30         40   Rescheduling interrupts
 CAL:          5          6   Function call interrupts
`,
    softirqs: `                    CPU0       CPU1       CPU2
          HI:          0          0          0
      NET_TX:          7          8          9
`,
  });
  assert.deepEqual(readInterrupts(folder), {
    total: 4711,
    functionCalls: [5, 0, 6],
    reschedules: [30, 0, 40],
    netTx: [7, 8, 9],
  });
});

test('arm64 numbers its IPIs', (t) => {
  const interrupts = `           CPU0       CPU1
IPI0:         3          4       Rescheduling interrupts
IPI1:        51         62       Function call interrupts
`;
  const folder = proc(t, { stat: 'intr 1\n', interrupts, softirqs: '  CPU0 CPU1\nNET_TX: 1 2\n' });
  const { functionCalls, reschedules } = readInterrupts(folder);
  assert.deepEqual(
    [functionCalls, reschedules],
    [
      [51, 62],
      [3, 4],
    ],
  );
});

test('a kernel for one CPU has no IPIs', (t) => {
  const folder = proc(t, { stat: 'intr 1\n', interrupts: ' CPU0\nLOC: 1 timer\n', softirqs: ' CPU0\nNET_TX: 1\n' });
  assert.deepEqual(readInterrupts(folder), { total: 1, functionCalls: [0], reschedules: [0], netTx: [1] });
});

test('between two readings of this host no count falls, and the clock has ticked', async () => {
  const before = readInterrupts();
  let grown = interruptsSince(before, readInterrupts());
  while (grown.total === 0) {
    await new Promise(setImmediate);
    grown = interruptsSince(before, readInterrupts());
  }
  assert.ok([...grown.functionCalls, ...grown.reschedules, ...grown.netTx].every((count) => count >= 0));
  assert.ok(grown.netTx.length > 0);
});

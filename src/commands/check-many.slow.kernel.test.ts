// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel, alone.
// `tapscope check` as built, on a host with 500 taps.
import assert from 'node:assert/strict';
import test from 'node:test';
import { tapscope } from '../../test/agent/serve-process.ts';
import { namespaceLab, noLab } from '../../test/host/netns.ts';
import { slowness } from '../../test/host/slowness.ts';

const TAPS = 500;
/** What `check` promises (check.ts); two seconds on cores of their own. */
const WITHIN_MS = 3000;

test(`with ${TAPS} taps the answer is there within ${WITHIN_MS} ms`, { skip: noLab }, async (t) => {
  const lab = await namespaceLab(t);
  await lab.ipBatch(Array.from({ length: TAPS }, (_, index) => `tuntap add dev tap${index} mode tap`));
  const times: number[] = [];
  // Others may keep this machine busy: the fastest of some is what the command takes.
  while (times.length < 15 && Math.min(...times) > WITHIN_MS) {
    const started = performance.now();
    const { stdout, stderr } = await tapscope(['check', '--netns', lab.name]);
    times.push(performance.now() - started);
    assert.match(stdout, new RegExp(`^[A-Z]+: .*\\n\\n✓ devices +${TAPS} in 1 namespace`));
    assert.equal(stderr, '');
  }
  t.diagnostic(`${times.map((ms) => ms.toFixed(0)).join(', ')} ms`);
  const fastest = Math.min(...times);
  assert.ok(fastest <= WITHIN_MS || fastest <= WITHIN_MS * (await slowness()), `${times} ms`);
});

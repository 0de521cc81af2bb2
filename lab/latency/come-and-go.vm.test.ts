// SPDX-License-Identifier: Apache-2.0
// Needs: VMs.
// An agent comes and goes under a steady stream and no packet is lost. One CPU: QEMU's emulation of several does not survive each patch of code.
import assert from 'node:assert/strict';
import test from 'node:test';
import { noVm } from '../vm/boot.ts';
import { kernelOrWhy } from '../vm/kernels.ts';
import { lost } from './latency-results.ts';
import { comeAndGoOn } from './measure-latency.ts';

test('no packet is lost while an agent comes and goes on Linux 7.3', { skip: noVm }, async (t) => {
  const kernel = await kernelOrWhy('7.3', (line) => t.diagnostic(line));
  if (typeof kernel === 'string') return t.skip(`nothing was played on Linux 7.3: ${kernel}`);
  const stream = await comeAndGoOn('7.3', 2, (line) => t.diagnostic(line));
  assert.equal(lost(stream), 0);
  assert.ok(stream.read > 2000, `${stream.read} packets passed`);
  assert.ok(stream.gap.max < 10_000_000, `no packet came for ${stream.gap.max} ns`);
});

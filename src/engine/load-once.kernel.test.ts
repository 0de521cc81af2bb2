// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel.
// A load of all programs takes half a second and more: what the kernel refuses is found out by a smaller one.
import assert from 'node:assert/strict';
import test from 'node:test';
import { noLab } from '../../test/host/netns.ts';
import { errnoOf } from '../kernel/error-name.ts';
import { readHost } from '../kernel/host.ts';
import { BpfObject, Btf } from '../kernel/native.ts';
import { EVENTS } from '../subjects/list.ts';
import { attachProbes } from './attach.ts';
import { PROBE_SYMBOLS } from './probe-symbols.ts';

test('the programs are loaded once, where the kernel refuses tracing too', { skip: noLab }, (t) => {
  const load = t.mock.method(BpfObject.prototype, 'load'); // counts, and goes on to the kernel
  const probes = attachProbes(readHost(PROBE_SYMBOLS), EVENTS, { forced: new Map(), pin: true });
  t.after(() => probes.close());
  assert.equal(load.mock.callCount(), 1);
  const refusal = probes.choices().find(({ event }) => event.name === 'ended')?.refused[0];
  if (probes.can('ends')) assert.equal(refusal, undefined);
  else assert.match(refusal?.reason ?? '', /^load a program at the entry of consume_skb: Operation not permitted$/);
});

test('what tracing a function says', { skip: noLab }, () => {
  const types = Btf.kernel();
  try {
    types.tryTracing('consume_skb');
  } catch (error) {
    assert.equal(errnoOf(error), 'EPERM');
  }
  assert.throws(
    () => types.tryTracing('no_function_of_any_kernel'),
    (error) => errnoOf(error) === 'ENOENT',
  );
});

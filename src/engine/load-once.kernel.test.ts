// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel, alone.
// A load of all programs takes half a second and more: what the kernel refuses is found out by a smaller one.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import test from 'node:test';
import { noLab } from '../../test/host/netns.ts';
import { errnoOf } from '../kernel/error-name.ts';
import { readHost } from '../kernel/host.ts';
import { BpfObject, Btf } from '../kernel/native.ts';
import { EVENTS, PROBED } from '../subjects/list.ts';
import { attachProbes } from './attach.ts';

test('the programs are loaded once, where the kernel refuses tracing too', { skip: noLab }, (t) => {
  const load = t.mock.method(BpfObject.prototype, 'load'); // counts, and goes on to the kernel
  const probes = attachProbes(readHost(PROBED), EVENTS, { forced: new Map(), pin: true });
  t.after(() => probes.close());
  assert.equal(load.mock.callCount(), 1);
  const refusal = probes.choices().find(({ event }) => event.name === 'ended')?.refused[0];
  if (probes.can('ends')) assert.equal(refusal, undefined);
  else assert.match(refusal?.reason ?? '', /^load a program at the entry of consume_skb: Operation not permitted$/);
});

/** Most of the start is the verifier's: what is not static in bpf/ it follows once, and not for each way that leads there. */
const MOST_VERIFIED = 120_000;

test(`the verifier follows at most ${MOST_VERIFIED} instructions`, { skip: noLab }, (t) => {
  const probes = attachProbes(readHost(PROBED), EVENTS, { forced: new Map(), pin: true });
  t.after(() => probes.close());
  const verified = readdirSync('/proc/self/fdinfo').reduce((sum, fd) => sum + verifiedBehind(fd), 0);
  t.diagnostic(`${verified} instructions`);
  assert.ok(verified > 0 && verified <= MOST_VERIFIED, `${verified}`);
});

/** 0 where the descriptor is no program (kernel/bpf/syscall.c, bpf_prog_show_fdinfo: Linux 5.16). */
function verifiedBehind(fd: string): number {
  const info = existsSync(`/proc/self/fdinfo/${fd}`) ? readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8') : '';
  return Number(/^verified_insns:\s*(\d+)$/m.exec(info)?.[1] ?? 0);
}

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

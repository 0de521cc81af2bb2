// SPDX-License-Identifier: Apache-2.0
// Needs: VMs.
// What `tapscope doctor` says of this kernel where nothing is forced.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import test from 'node:test';
import { promisify } from 'node:util';
import { at, listAt, textAt } from '../host/checked-json.ts';
import { best, doctorReport, mechanismsOf } from './doctor-report.ts';

test('each event is measured by the best mechanism that this kernel has', async () => {
  const { code, report } = await doctorReport();
  assert.deepEqual(mechanismsOf(report), best);
  assert.equal(code, best.transmit === 'fentry' ? 0 : 1, '1: something has a better mechanism on newer kernels');
});

test('doctor says what is attached for the functions that people know', async () => {
  const functions = listAt((await doctorReport()).report, 'functions');
  const hooks = Object.fromEntries(functions.map((one) => [textAt(one, 'name'), listAt(one, 'hooks')]));
  const instead = Object.fromEntries(functions.map((one) => [textAt(one, 'name'), listAt(one, 'instead')]));
  const carries = best.consumed === 'fentry';
  const traced = best.transmit === 'fentry';
  assert.deepEqual(
    hooks.tun_net_xmit,
    traced ? ['fentry/tun_net_xmit'] : ['raw_tp/net_dev_start_xmit', 'raw_tp/net_dev_xmit'],
  );
  assert.deepEqual(hooks.tun_ring_consume, carries ? ['fentry/__tun_wake_queue', 'fentry/tun_wake_queue'] : []);
  assert.deepEqual(instead.tun_ring_consume, carries ? [] : ['consumed=arithmetic']);
  assert.deepEqual(hooks.kfree_skb_reason, [traced ? 'tp_btf/kfree_skb' : 'raw_tp/kfree_skb']);
});

test('doctor says by which ways of memory tun goes, as the module file has it', async () => {
  const read = promisify(execFile);
  const file = (await read('modinfo', ['-n', 'tun'])).stdout.trim();
  const unpacked = `${file.endsWith('.xz') ? 'xz -dc' : 'cat'} ${file} >/tmp/tun.ko && nm -u /tmp/tun.ko`;
  const calls = new Set((await read('sh', ['-c', unpacked])).stdout.match(/\w+$/gm));
  assert.ok(calls.has('consume_skb'));
  const paths = listAt((await doctorReport()).report, 'skbPaths');
  const present = Object.fromEntries(paths.map((path) => [textAt(path, 'name'), at(path, 'present')]));
  assert.deepEqual(present, {
    'NAPI cache': calls.has('napi_build_skb') || calls.has('napi_skb_cache_put'),
    'deferred free': calls.has('napi_consume_skb') || calls.has('skb_attempt_defer_free'),
  });
});

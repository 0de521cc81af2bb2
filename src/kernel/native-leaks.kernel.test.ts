// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel.
// The sanitized addon under LeakSanitizer, in a process of its own: memory without an owner at its end is reported.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { env, execPath } from 'node:process';
import { test } from 'node:test';
import { fixturePath } from '../../addon/test/fixture.ts';
import { linkDumpRequest } from './rtnetlink.ts';

const addon = env.TAPSCOPE_ADDON;
const skip = env.LD_PRELOAD?.includes('libasan') && addon ? false : 'needs the sanitized addon: npm run test:asan';

const script = `
  const addon = require(${JSON.stringify(addon)});
  const request = new Uint8Array(${JSON.stringify([...linkDumpRequest()])});
  const { setImmediate } = require('node:timers/promises');
  const tried = (use) => { try { use(); } catch (error) { if (!error.code) throw error; } };
  const live = (close) => {
    const object = new addon.BpfObject(${JSON.stringify(fixturePath)});
    object.setVariable('knob', new Uint8Array(8));
    object.load(['tun', 'vhost']);
    object.attach('count_calls');
    tried(() => object.attach('answer'));
    tried(() => object.load([]));
    object.mapBuffer('counts');
    object.iterate('list_maps');
    object.entries('counts', new Uint8Array(12), new Uint8Array(24));
    object.testRun('produce', new Uint8Array(Uint32Array.of(3, 8, 0, 0).buffer));
    object.ringBuffer('events').drain(new Uint8Array(12), 3);
    object.btf().struct('shape');
    if (close) object.close();
  };
  const refused = () => {
    const object = new addon.BpfObject(${JSON.stringify(fixturePath)});
    object.setAutoload('refused', true);
    tried(() => object.load([]));
  };
  (async () => {
    for (const close of [true, false]) { live(close); refused(); }
    tried(() => new addon.BpfObject('/etc/passwd'));
    tried(() => addon.Btf.kernel('tapscope_none'));
    addon.Btf.kernel().enumValues('bpf_map_type');
    await addon.netlinkRequest(undefined, request);
    await addon.netlinkRequest(Buffer.from('/etc/passwd'), request).catch(() => {});
    // Node itself does not free at its end what was not collected before.
    for (let i = 0; i < 5; i++) { gc(); await setImmediate(); }
    console.log('done');
  })();`;

test('nothing leaks', { skip }, () => {
  const options = { ...env, ASAN_OPTIONS: 'detect_leaks=1' };
  const run = spawnSync(execPath, ['--expose-gc', '-e', script], { encoding: 'utf8', env: options, timeout: 120_000 });
  assert.equal(run.stderr, '');
  assert.equal(run.stdout, 'done\n');
  assert.equal(run.status, 0);
});

// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel.
// Messages of tapscope bench, as built, where it cannot measure. The rest needs pktgen: lab/tables/bench.guest.ts.
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { test } from 'node:test';
import { tapscope } from '../test/agent/serve-process.ts';
import { hasPktgen } from './pktgen.ts';
import { startTraffic } from './traffic/traffic.ts';

const cannot =
  (process.getuid?.() !== 0 && 'needs root') || (!existsSync('/dev/net/tun') && 'needs /dev/net/tun: modprobe tun');

test('without pktgen: the cells that it feeds name it', {
  skip: cannot || (hasPktgen() && 'this host has pktgen'),
}, async () => {
  const { code, stdout } = await tapscope(['bench', '--only=^tap/threads=1/queues=1/free/tail-drop$', '--repeats=1']);
  assert.equal(code, 1);
  assert.match(stdout, /^NOTHING could be measured on this host\.$/m);
  assert.match(stdout, /^\[1\] not on this host: the generator pktgen is not loaded: modprobe pktgen /m);
});

test('who is not root hears that first', { skip: cannot }, async () => {
  const { code, stderr } = await tapscope(['bench'], { wrapper: ['setpriv', '--reuid=65534', '--clear-groups'] });
  assert.deepEqual(
    [code, stderr],
    [1, 'tapscope: tapscope bench makes taps and loads BPF programs: run it as root.\n'],
  );
});

test('a document that is not known is refused before anything is made', async () => {
  const { code, stdout, stderr } = await tapscope(['bench', '--table=v9']);
  assert.deepEqual(
    [code, stdout, stderr],
    [
      1,
      '',
      'tapscope: --table=v9 is unknown; write one of: v7, v8, wake, profile, zero-copy, napi, multiqueue, latency.\n',
    ],
  );
});

test('flags that cannot be are refused before anything is made', async () => {
  const { code, stdout, stderr } = await tapscope(['bench', '--only=nothing']);
  assert.deepEqual([code, stdout], [1, '']);
  assert.match(stderr, /^tapscope: --only=nothing names none of the \d+ cells; .*\n$/);
});

test('files that cannot be compared with or kept are refused before anything is made', { skip: cannot }, async () => {
  const cases: readonly (readonly [flag: string, message: string])[] = [
    ['--against=package.json', 'package.json is not a file of tapscope bench --save.'],
    ['--against=nothing.json', 'nothing.json cannot be read: ENOENT: no such file or directory.'],
    ['--save=package.json', 'package.json is not a file of tapscope bench --save.'],
    ['--save=bench', 'bench is a folder; name a file in it.'],
    ['--save=nothing/a.json', 'nothing/a.json cannot be written (ENOENT: no such file or directory).'],
  ];
  for (const [flag, message] of cases)
    assert.deepEqual(await tapscope(['bench', flag]), { code: 1, stdout: '', stderr: `tapscope: ${message}\n` });
});

test('where nothing could be measured, nothing is kept', {
  skip: cannot || (hasPktgen() && 'this host has pktgen'),
}, async () => {
  const words = ['bench', '--only=^tap/threads=1/queues=1/free/tail-drop$', '--repeats=1', '--save=nothing.json'];
  const { code, stderr } = await tapscope(words);
  assert.equal(code, 1);
  assert.match(stderr, /^nothing\.json was not written, for there are no figures\.$/m);
  assert.deepEqual(
    readdirSync('.').filter((name) => name.startsWith('nothing')),
    [],
  );
});

test('the traffic program is alone in its namespace, which ends with it', { skip: cannot }, async () => {
  const traffic = await startTraffic();
  await traffic.open('a', 'bench0', []);
  await traffic.read('a');
  await assert.rejects(traffic.open('a', 'bench1', []), { code: 'EEXIST' });
  assert.equal(await traffic.stopReading('a'), 0);
  await traffic.end();
  assert.equal(existsSync(traffic.namespace), false);
});

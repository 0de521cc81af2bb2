// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel, VMs, iperf3, socat.
// `tapscope bench --table multiqueue`: its smallest cell, and where it fails: a guest that hangs, an interruption, a bench that is killed. Nothing stays.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { type Begun, begin, tapscope } from '../../test/agent/serve-process.ts';
import { listAt, numberAt, parseJson, textAt } from '../../test/host/checked-json.ts';
import { noLab } from '../../test/host/netns.ts';
import { until } from '../../test/host/until.ts';
import { assertValid } from '../../test/host/valid-json.ts';
import { benchGuests, benchTraces } from './bench-guests.ts';

const QEMU = /^(\d+): \S*qemu-system-x86_64 /;
const STARTS_WITHIN_MS = 120_000;

function pids(): readonly number[] {
  return benchTraces()
    .flatMap((line) => QEMU.exec(line)?.[1] ?? [])
    .map(Number);
}

/** A bench of two cells, when the streams of the first have begun. */
async function streaming(t: TestContext, seconds: number): Promise<Begun | undefined> {
  const guests = await benchGuests();
  if (typeof guests === 'string') {
    t.skip(guests);
    return undefined;
  }
  assert.deepEqual(benchTraces(), []);
  const only = '^stream/(guest-to-host|host-to-guest)/size=default/sessions=2/queues=1$';
  const words = [`--only=${only}`, `--seconds=${seconds}`, `--guest-kernel=${guests.kernel}`, '--guest-vhost=off'];
  const bench = begin(['bench', '--table=multiqueue', ...words]);
  t.after(() => bench.signal('SIGKILL'));
  await until(() => benchTraces().filter((line) => line.includes('iperf3 -c')).length >= 2, STARTS_WITHIN_MS);
  return bench;
}

async function nothingStays(): Promise<void> {
  await until(() => benchTraces().length === 0);
  assert.deepEqual(benchTraces(), []);
}

test('two streams to a guest with two queues', { skip: noLab }, async (t) => {
  const guests = await benchGuests();
  if (typeof guests === 'string') return t.skip(guests);
  const cell = '^stream/host-to-guest/size=default/sessions=2/queues=2$';
  const words = [
    'bench',
    '--table=multiqueue',
    '--seconds=1',
    `--only=${cell}`,
    `--guest-kernel=${guests.kernel}`,
    '--guest-vhost=off',
    '--format=json',
  ];
  const { code, stdout, stderr } = await tapscope(words);
  assert.equal(code, 0, `${stdout}\n${stderr}`);
  const report = parseJson(stdout);
  assertValid('bench', report);
  const [result] = listAt(report, 'results');
  const [run] = listAt(result, 'runs');
  t.diagnostic(JSON.stringify(run));
  assert.ok(numberAt(run, 'stream', 'bitsPerSecond') > 0);
  const queues = listAt(run, 'stream', 'queues').map(Number);
  assert.equal(queues.length, 2);
  const packets = queues.reduce((sum, one) => sum + one, 0);
  assert.ok(packets > 0 && packets <= numberAt(run, 'transmitted') + numberAt(run, 'lost'));
});

test('guests of two CPUs and one queue: to this host, and to another behind a cable, whose streams pass its CPU alone', {
  skip: noLab,
}, async (t) => {
  const guests = await benchGuests();
  if (typeof guests === 'string') return t.skip(guests);
  const only = '^stream/(guest-to-host|guest-to-external|external-to-guest)/size=default/sessions=2/queues=1/smp=2$';
  const words = [`--only=${only}`, '--seconds=1', `--guest-kernel=${guests.kernel}`, '--guest-vhost=off'];
  const bench = begin(['bench', '--table=multiqueue', ...words]);
  t.after(() => bench.signal('SIGKILL'));
  await until(() => benchTraces().some((line) => / \S*iperf3 -c 198/.test(line)), STARTS_WITHIN_MS);
  assert.ok(benchTraces().some((line) => /: external $/.test(line)));
  const { code, stdout, stderr } = await bench.end;
  assert.equal(code, 0, `${stdout}\n${stderr}`);
  t.diagnostic(stdout);
  assert.match(stdout, /^OK: in all 3 runs /);
  // A guest serves all cells with the same peer: two were booted for three.
  assert.equal(stderr.match(/^a guest boots: 2 CPUs, 1 queues, /gm)?.length, 2);
  // With the mail's figures: guest to external host, default size, single queue, smp=2, two sessions.
  assert.match(
    stdout,
    /^2 Guest to External Host TCP default size\nSingle-queue Result:\n== smp=2 queue=1 ==\n.*\n2 .* 8322\.94 +24\.58 +338 +\d+ s +q0 \d+$/m,
  );
  await nothingStays();
});

test('a guest that hangs is ended, its cell says so, and the next cell has a guest of its own', {
  skip: noLab,
}, async (t) => {
  const bench = await streaming(t, 1);
  if (!bench) return;
  for (const pid of pids()) process.kill(pid, 'SIGSTOP');
  const { code, stdout, stderr } = await bench.end;
  assert.equal(code, 0, `${stdout}\n${stderr}`);
  assert.match(stdout, /^OK: in all 1 runs /);
  assert.match(stdout, /^2 +(the guest hangs: (iperf3 did not end|it did not answer) within \d+ s|iperf3 says: .*)$/m);
  assert.match(stdout, /^2 +\d+\.\d+ +\d+\.\d+ /m);
  await nothingStays();
});

test('Ctrl-C: what was measured is shown, the other cells say why not', { skip: noLab }, async (t) => {
  const bench = await streaming(t, 3);
  if (!bench) return;
  await bench.says(/^repeat 1 of 1: stream\/host-to-guest/m);
  await wait(1000);
  bench.signal('SIGINT');
  const { code, stdout, stderr } = await bench.end;
  assert.equal(code, 130, `${stdout}\n${stderr}`);
  assert.match(stdout, /^OK: in all 1 runs /);
  assert.match(stdout, /^2 +interrupted$/m);
  await nothingStays();
});

test('killed: guests and streams end all the same', { skip: noLab }, async (t) => {
  const bench = await streaming(t, 30);
  if (!bench) return;
  assert.equal(pids().length > 0, true);
  bench.signal('SIGKILL');
  await bench.end;
  await nothingStays();
});

test('a kernel that is not there: the cell says so, and nothing was measured', { skip: noLab }, async (t) => {
  const guests = await benchGuests();
  if (typeof guests === 'string') return t.skip(guests);
  const words = [
    'bench',
    '--table=multiqueue',
    '--seconds=1',
    `--only=^stream/host-to-guest/size=default/sessions=2/queues=2$`,
    '--guest-kernel=/no/kernel',
    '--guest-vhost=off',
  ];
  const { code, stdout } = await tapscope(words);
  assert.equal(code, 1);
  assert.match(stdout, /^NOTHING could be measured on this host\.$/m);
  assert.match(stdout, /^2 +\/no\/kernel is not there: --guest-kernel takes the file of a kernel$/m);
  const json = await tapscope([...words, '--format=json']);
  const [result] = listAt(parseJson(json.stdout), 'results');
  assert.match(textAt(result, 'missing'), /^\/no\/kernel is not there/);
});

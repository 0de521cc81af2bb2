// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel, alone.
// `tapscope diagnose` as built, on real taps.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readlinkSync } from 'node:fs';
import test, { describe, type TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { startAgent, tapscope } from '../../test/agent/serve-process.ts';
import { at, parseJson } from '../../test/host/checked-json.ts';
import { namespaceLab, noLab } from '../../test/host/netns.ts';
import type { TestReader } from '../../test/test-reader/test-reader.ts';

/** `fault` breaks tap0 while packets are sent to it. */
async function diagnosed(
  t: TestContext,
  ring: number,
  fault: (reader: TestReader) => unknown,
): Promise<readonly string[]> {
  const lab = await namespaceLab(t);
  const reader = await lab.testReader('qemu-system-x86_64', '-name', 'guest=web1');
  await reader.open('a', 'tap0', 'tap');
  const peer = await lab.raise('tap0', ring);
  const sender = await lab.testReader();
  await sender.udp(peer, 9, 10, 64);
  await fault(reader);
  const answer = tapscope(['diagnose', 'tap0', '--netns', lab.name, '--for', '6']);
  let isDone = false;
  void answer.finally(() => {
    isDone = true;
  });
  while (!isDone) await Promise.all([sender.udp(peer, 9, 50, 64), wait(20)]);
  const { code, stdout, stderr } = await answer;
  assert.equal(stderr, '');
  const rows = stdout.trimEnd().split('\n');
  const severity = { WARNING: 1, CRITICAL: 2 }[/^[A-Z]+/.exec(rows[0] ?? '')?.[0] ?? ''];
  assert.equal(code, severity, stdout);
  const commands = rows.filter((row) => /^(?:Do|Or|Look): +(?:ip|kill|virsh|nsenter|taskset|systemctl) /.test(row));
  assert.ok(commands.length > 0, stdout);
  const wide = rows.filter((row) => row.length > 80 && !commands.includes(row));
  assert.deepEqual(wide, []);
  return rows;
}

test('what cannot be asked is one sentence, at once, and exit code 3', { skip: noLab }, async () => {
  for (const [args, words] of [
    [['no-such-tap', '--for', '1h'], /^tapscope: No tun, tap or macvtap device named no-such-tap is on this host.*\n$/],
    [['--for', '1s'], /^tapscope: --for=1s is not a time between 2 s and 3600 s.*\n$/],
    [['--for', 'soon'], /^tapscope: --for=soon is not a time.*\n$/],
    [['--no-such-flag'], /unknown option/],
    [['tap0', 'tap1'], /Name one device at a time/],
  ] as const) {
    const { code, stdout, stderr } = await tapscope(['diagnose', ...args]);
    assert.deepEqual([code, stdout], [3, ''], args.join(' '));
    assert.match(stderr, words);
  }
});

/** The command has loaded its programs; then it listens for signals, too. */
function hasPrograms(pid: number | undefined): boolean {
  const descriptors = readdirSync(`/proc/${pid}/fd`);
  return descriptors.some((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`).includes('bpf');
    } catch {
      return false; // closed meanwhile
    }
  });
}

describe('each on a tap of its own, side by side: most of their time they wait', { concurrency: 4 }, () => {
  test('a tap that is read is in order, and programs are told the same', { skip: noLab }, async (t) => {
    const lab = await namespaceLab(t);
    const testReader = await lab.testReader();
    await testReader.open('a', 'tap0', 'tap');
    const peer = await lab.raise('tap0', 500);
    await testReader.readLoop('a', 0);
    const sender = await lab.testReader();
    await sender.udp(peer, 9, 2000, 64);
    const scope = ['tap0', '--netns', lab.name, '--for', '3'];
    const { code, stdout, stderr } = await tapscope(['diagnose', ...scope]);
    // A busy machine makes the last sample a late one.
    assert.match(stdout, /^OK: 1 queue of 1 device watched for [3-6] s, nothing to do/);
    assert.deepEqual([code, stderr], [0, '']);

    const told = await tapscope(['diagnose', ...scope, '--json']);
    const report = parseJson(told.stdout);
    assert.deepEqual([told.code, at(report, 'schema'), at(report, 'verdict')], [0, 1, 'ok']);
    const seconds = Number(at(report, 'seconds'));
    assert.ok(seconds >= 3 && seconds < 6.5, `${seconds} s`);
  });

  test('a stopped reader: the first line says who and what, the finding fits a screen', { skip: noLab }, async (t) => {
    const rows = await diagnosed(t, 100, (reader) => reader.signal('SIGSTOP'));
    const said = rows.slice(0, 3).join(' ');
    assert.match(said, /^(WARNING|CRITICAL): tap0 \(VM web1\) .*stopped by a signal, for/);
    assert.ok(rows.length <= 24, `${rows.length} rows:\n${rows.join('\n')}`);
    assert.ok(rows.some((row) => /^Do: {4}kill -CONT \d+$/.test(row)));
    // First ask who stopped it: this is how.
    assert.ok(
      rows.some((row) => /^Or: {4}ps -o [\w,]+ -p \d+,\d+$/.test(row)),
      rows.join('\n'),
    );
  });

  test('a reader that has read, and reads no more', { skip: noLab }, async (t) => {
    const rows = await diagnosed(t, 100, (reader) => reader.read('a', 'all'));
    assert.match(rows.slice(0, 3).join(' '), /^(WARNING|CRITICAL): tap0 \(VM web1\) /);
    assert.match(rows.join('\n'), /\nreader-(stalled|blocked), tap0/);
  });

  test('a ring of size 0', { skip: noLab }, async (t) => {
    const rows = await diagnosed(t, 0, (reader) => reader.readLoop('a', 0));
    assert.match(rows.slice(0, 3).join(' '), /^CRITICAL: tap0 \(VM web1\) loses every packet to its reader/);
    assert.ok(rows.some((row) => /^Do: {4}ip netns exec \S+ ip link set dev tap0 txqueuelen \d+$/.test(row)));
  });

  test('Ctrl-C judges what was seen until then; a reader that goes away is no crash', { skip: noLab }, async (t) => {
    const lab = await namespaceLab(t);
    const testReader = await lab.testReader();
    await testReader.open('a', 'tap0', 'tap');
    const child = spawn(process.execPath, ['dist/src/main.js', 'diagnose', '--netns', lab.name, '--for', '1h']);
    let stderr = '';
    child.stderr.on('data', (text) => {
      stderr += text;
    });
    child.stdout.destroy();
    const end = once(child, 'close');
    while (!hasPrograms(child.pid)) await wait(20);
    await wait(5000);
    child.kill('SIGINT');
    await wait(20);
    child.kill('SIGINT'); // npm passes on what came from the terminal already
    // The only device of the namespace is down, which is a warning.
    assert.deepEqual([await end, stderr], [[1, null], '']);
  });
});

test('beside an agent too, an idle device is doubted where packets of its neighbours are dropped', {
  skip: noLab,
}, async (t) => {
  const lab = await namespaceLab(t);
  const reader = await lab.testReader();
  for (const device of ['tap0', 'tap1']) await reader.open(device, device, 'tap');
  await lab.exec('sysctl', '-q', 'net.ipv6.conf.all.disable_ipv6=1');
  await lab.ipBatch(['link set tap0 up', 'link set tap1 up txqueuelen 10']);
  const sender = await lab.testReader();
  const { socket } = await startAgent(t);
  const asked = tapscope(['diagnose', 'tap0', '--netns', lab.name, '--for', '4s', '--socket', socket]);
  let isDone = false;
  void asked.finally(() => {
    isDone = true;
  });
  // From tap1: nobody has the address that they are for.
  while (!isDone)
    await Promise.all([reader.write('tap1', 50, 64, { unicast: true }), sender.packet('tap1', 50, 60), wait(20)]);
  const { code, stdout } = await asked;
  assert.equal(code, 3, stdout);
  assert.match(
    stdout.replaceAll(/\s+/g, ' '),
    /it saw no packet while [\d ]+ packets to and from other devices of its namespace were dropped/,
  );
});

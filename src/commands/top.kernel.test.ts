// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel, alone.
// `tapscope top` as built: lists, and a terminal (of script(1)) that is given back as it was.
import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, readlinkSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import test, { describe, type TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import { startAgent, tapscope } from '../../test/agent/serve-process.ts';
import { listAt, numberAt, parseJson, textAt } from '../../test/host/checked-json.ts';
import { inside, namespaceLab, noLab } from '../../test/host/netns.ts';

const TOP = [process.execPath, 'dist/src/main.js', 'top'].join(' ');
const LEFT = '\u001b[?25h\u001b[?1049l';

describe('lists, side by side: most of their time they wait', { concurrency: 4 }, () => {
  test('lists say what a queue is sent, loses and holds', { skip: noLab }, async (t) => {
    const lab = await namespaceLab(t);
    const testReader = await lab.testReader();
    await testReader.open('a', 'tap0', 'tap');
    const peer = await lab.raise('tap0', 100);
    const sender = await lab.testReader();
    const scope = ['tap0', '--netns', lab.name];
    let isListing = true;
    let sent = 0;
    const listed = tapscope(['top', ...scope, '--json', '-n', '5']).finally(() => {
      isListing = false;
    });
    for (; isListing; sent += 50) await Promise.all([sender.udp(peer, 9, 50, 64), wait(100)]);
    const lines = (await listed).stdout.trim().split('\n').map(parseJson);
    assert.equal(lines.length, 5);
    const queues = lines.map((line) => listAt(line, 'queues'));
    assert.ok(queues.every((one) => one.length === 1));
    const sum = (name: string): number =>
      lines.reduce((total: number, line) => total + numberAt(line, 'seconds') * numberAt(line, 'queues', 0, name), 0);
    assert.ok(sum('offered') >= sum('dropped') && sum('dropped') > 50, `${sum('offered')} ${sum('dropped')}`);
    assert.ok(sum('offered') <= sent);
    assert.equal(textAt(lines.at(-1), 'queues', 0, 'namespace'), lab.name);

    const { code, stdout, stderr } = await tapscope(['top', ...scope, '-b', '-n', '1']);
    assert.deepEqual([code, stderr], [0, '']);
    assert.match(stdout, /\ntap0\/0 +\w+ +0 +0 +0 ████████ 100\/100 .* in tapscope-lab/);
    assert.match(stdout, /\nThis costs \d+\.\d % of a CPU; in the kernel .*, level exact\n/);
  });

  test('what cannot be shown is one sentence', { skip: noLab }, async () => {
    for (const [args, words] of [
      [[], /^tapscope: top needs a terminal; 'tapscope top -b -n 1' writes the list once\.\n$/],
      [['-b', '-n', '0'], /^tapscope: -n 0 is not a number of updates.*\n$/],
      [['-b', '-d', 'x'], /^tapscope: --delay=x is not a time.*\n$/],
      [['no-such-tap', '-b'], /^tapscope: No tun, tap or macvtap device named no-such-tap.*\n$/],
    ] as const) {
      const { code, stdout, stderr } = await tapscope(['top', ...args]);
      assert.deepEqual([code, stdout], [1, ''], args.join(' '));
      assert.match(stderr, words);
    }
  });

  test('without any right the kernel’s own counters are shown, of each second', { skip: noLab }, async (t) => {
    const lab = await namespaceLab(t);
    const testReader = await lab.testReader();
    await testReader.open('a', 'tap0', 'tap');
    const peer = await lab.raise('tap0', 10);
    const wrapper = ['nsenter', ...inside(lab.name), 'setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];
    const listed = tapscope(['top', 'tap0', '--json', '-n', '3'], { wrapper });
    let isOver = false;
    void listed.finally(() => {
      isOver = true;
    });
    while (!isOver) await Promise.all([testReader.udp(peer, 9, 50, 64), wait(50)]);
    const lines = (await listed).stdout.trim().split('\n').map(parseJson);
    const dropped = lines.map((line) => numberAt(line, 'queues', 0, 'dropped'));
    assert.ok(dropped.length === 3 && dropped.every((perSecond) => perSecond > 100), dropped.join());
  });

  test('who stops reading a list ends it, without a word', { skip: noLab }, async () => {
    const child = spawn('sh', ['-c', `${TOP} -b | head -n 2`]);
    const said = text(child.stderr);
    const [code] = await once(child, 'close');
    assert.deepEqual([code, await said], [0, '']);
  });
});

/** Runs the command in a terminal of this size; its settings before and after are in the output. */
function terminal(
  t: TestContext,
  size: string,
  command = TOP,
): { readonly child: ChildProcess; readonly said: () => string } {
  const script = `stty ${size}; stty -g; ${command}; echo "ended $?"; stty -g`;
  const child = spawn('script', ['-qefc', script, '/dev/null'], { stdio: ['pipe', 'pipe', 'inherit'] });
  t.after(() => child.kill('SIGKILL')); // its terminal goes with it, and who runs there gets SIGHUP
  let said = '';
  child.stdout.on('data', (text) => {
    said += text;
  });
  return { child, said: () => said };
}

async function until(said: () => string, words: RegExp): Promise<void> {
  const deadline = performance.now() + 60_000;
  while (!words.test(said()) && performance.now() < deadline) await wait(20);
  assert.match(said(), words);
}

/** Settings are the same, and the picture was taken away. */
async function assertRestored(child: ChildProcess, said: () => string): Promise<void> {
  if (child.exitCode === null) await once(child, 'close');
  const settings = said().match(/^[0-9a-f]+(:[0-9a-f]+)+/gm) ?? [];
  assert.equal(settings.length, 2, said());
  assert.equal(settings[0], settings[1]);
  assert.equal(said().lastIndexOf('\u001b[?1049'), said().lastIndexOf(LEFT) + LEFT.indexOf('\u001b[?1049l'));
}

/** The pid of the process `name` below `pid`. */
function descendant(pid: number | undefined, name: string): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
  for (const child of children) {
    if (readFileSync(`/proc/${child}/cmdline`, 'utf8').split('\0').includes(name)) return child;
    const below = descendant(child, name);
    if (below) return below;
  }
  return 0;
}

test('at 20 columns, by the keys n and q', { skip: noLab }, async (t) => {
  const { child, said } = terminal(t, 'cols 20 rows 10');
  await until(said, /DEVICE +LOST\/s/);
  child.stdin?.write('n');
  await until(said, /DEVICE\*/);
  child.stdin?.write('q');
  await assertRestored(child, said);
  assert.match(said(), /ended 0/);
});

test('problems come first, Enter shows the finding and what to type, ? the keys, a the idle queues', {
  skip: noLab,
}, async (t) => {
  const lab = await namespaceLab(t);
  const reader = await lab.testReader();
  const idle = await lab.testReader();
  await reader.open('a', 'uxtop9', 'tap');
  for (const name of ['uxtop1', 'uxtop2', 'uxtop3']) await idle.open(name, name, 'tap');
  const peer = await lab.raise('uxtop9', 10);
  const flood = setInterval(() => void reader.udp(peer, 9, 50, 64).catch(() => undefined), 50);
  t.after(() => clearInterval(flood));
  const { child, said } = terminal(t, 'cols 120 rows 40', `NO_COLOR=1 ${TOP} --netns ${lab.name} -d 1`);
  await until(said, />× uxtop9\/0 +critical .* test-reader (?:\(pid )?\d/);
  await until(said, /\n +3 idle queues: a shows them/);
  assert.doesNotMatch(said(), /uxtop1/);
  assert.doesNotMatch(said().replaceAll('\u001b', '~'), /~\[[0-9;]*m/);
  child.stdin?.write('\r');
  await until(said, /\nCRITICAL: .*uxtop9/);
  await until(said, /\nTo the reader +[\d.]+ packets\/s offered, .* lost \(100 %\)/);
  await until(said, /\n\w+-\w+, uxtop9 queue 0 of test-reader/);
  // A key that follows Escape at once would be read as one key with it: the table must be there again first.
  const opened = said().length;
  child.stdin?.write('\u001b');
  await until(() => said().slice(opened), /uxtop9\/0 +critical /);
  child.stdin?.write('?');
  await until(said, /\nColumns, and the key that sorts by each/);
  const helped = said().length;
  child.stdin?.write('x');
  await until(() => said().slice(helped), /uxtop9\/0 +critical /);
  child.stdin?.write('a');
  await until(said, /\n {3}uxtop3\/0 +idle/);
  child.stdin?.write('q');
  await assertRestored(child, said);
  assert.match(said(), /ended 0/);
});

test('an agent that is stopped ends it with one sentence', { skip: noLab }, async (t) => {
  const agent = await startAgent(t);
  const { child, said } = terminal(t, 'cols 80 rows 24', `${TOP} --socket=${agent.socket}`);
  await until(said, /by the agent/);
  process.kill(agent.pid, 'SIGSTOP');
  await assertRestored(child, said);
  assert.match(said(), /tapscope: The agent \(pid \d+\) is stopped by a signal .*: kill -CONT \d+\.\r\nended 1/);
});

for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const)
  test(`after ${signal} the terminal is as it was`, { skip: noLab }, async (t) => {
    const { child, said } = terminal(t, 'cols 80 rows 24');
    await until(said, /STATUS\*/);
    process.kill(descendant(child.pid, 'top'), signal);
    await assertRestored(child, said);
    assert.match(said(), /ended 0/);
  });

test('another size is drawn at once', { skip: noLab }, async (t) => {
  const { child, said } = terminal(t, 'cols 132 rows 24', `${TOP} -d 1h`);
  await until(said, /LOST\/s.*OWNER/);
  const before = said().length;
  const pty = readlinkSync(`/proc/${descendant(child.pid, 'top')}/fd/0`);
  await promisify(execFile)('stty', ['-F', pty, 'cols', '20']);
  await until(() => said().slice(before), /DEVICE +LOST\/s/);
  assert.doesNotMatch(said().slice(before), /DEVICE[^\n]*RING/);
  child.stdin?.write('q');
  await assertRestored(child, said);
});

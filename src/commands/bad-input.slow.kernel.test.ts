// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel, alone, nftables, openssl.
// Unusual hosts: each command gives a verdict or one sentence, within its usual time.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import test, { describe, type TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import { freshSnapshot } from '../../test/agent/agent-lab.ts';
import { temporaryFolder } from '../../test/agent/certificates.ts';
import { startAgent, tapscope } from '../../test/agent/serve-process.ts';
import { listAt, parseJson, textAt } from '../../test/host/checked-json.ts';
import { missing } from '../../test/host/need.ts';
import { inside, type NamespaceLab, namespaceLab, noLab, testReaderFile } from '../../test/host/netns.ts';
import { slowness } from '../../test/host/slowness.ts';
import { until } from '../../test/host/until.ts';
import { startTestReader } from '../../test/test-reader/test-reader.ts';

const run = promisify(execFile);
const noQemu = noLab || missing([{ debian: 'qemu-system-x86', file: 'qemu-system-x86_64' }]);
const RULES = 10_000;
const SECONDS = 4;
/** Seconds until only a pause explains why no CPU of a VM runs. */
const PAUSED_SECONDS = 8;
/** The time for the command beside its sample, on a machine at rest. */
const START_MS = 4000;

/** Where the agent waits for the CPU, the command says so and looks for itself. */
const SILENT = /^(?:tapscope: The agent \(pid \d+\) gets no CPU [^\n]*\n)?$/;

const diagnosed = (t: TestContext, ...args: readonly string[]): Promise<unknown> => diagnosedFor(t, SECONDS, ...args);

async function diagnosedFor(t: TestContext, seconds: number, ...args: readonly string[]): Promise<unknown> {
  const began = performance.now();
  const { stdout, stderr } = await tapscope(['diagnose', ...args, `--for=${seconds}s`, '--json']);
  const tookMs = performance.now() - began;
  assert.match(stderr, SILENT);
  const limit = (1000 * seconds + START_MS) * (await slowness());
  assert.ok(tookMs <= limit, `${tookMs.toFixed(0)} ms, of ${limit.toFixed(0)}`);
  t.diagnostic(`${tookMs.toFixed(0)} ms`);
  return parseJson(stdout);
}

test('a program that exits during the sample', { skip: noLab }, async (t) => {
  const lab = await namespaceLab(t);
  const testReader = await lab.testReader();
  await testReader.open('a', 'tap0', 'tap', 'persist');
  const peer = await lab.raise('tap0', 50);
  const agent = await startAgent(t);
  const sender = await lab.testReader();
  await sender.udp(peer, 9, 500, 64);
  let isDone = false;
  const verdict = diagnosed(t, 'tap0', '--netns', lab.name, `--socket=${agent.socket}`).finally(() => {
    isDone = true;
  });
  await wait(1500);
  await testReader.quit();
  while (!isDone) await Promise.all([sender.udp(peer, 9, 50, 64).catch(() => undefined), wait(20)]);
  const rules = listAt(await verdict, 'findings').map((finding) => textAt(finding, 'rule'));
  assert.ok(rules.includes('no-reader'), rules.join());
});

/** Opens a tap, changes its thread's name ten times a second, and never reads. */
const RENAMES = `
  open(my $tap, "+<", "/dev/net/tun") or die $!;
  my $request = pack("a16Sx22", "tap0", 0x1002);
  ioctl($tap, 0x400454ca, $request) or die $!;
  for (my $n = 0; ; $n++) { $0 = "name-$n"; select(undef, undef, undef, 0.1) }
`;

describe('without an agent, side by side: most of their time they wait', { concurrency: 4 }, () => {
  test(`a firewall of ${RULES} rules, of which the last drops`, { skip: noLab }, async (t) => {
    const lab = await namespaceLab(t);
    const testReader = await lab.testReader();
    await testReader.open('a', 'tap0', 'tap');
    const peer = await lab.raise('tap0', 500);
    await testReader.readLoop('a', 0);
    const others = Array.from({ length: RULES }, (_, index) => `udp dport ${10_000 + index} counter accept`);
    const table = `table inet big { chain out { type filter hook postrouting priority 0;\n${others.join('\n')}\nudp dport 9 counter drop\n}\n}\n`;
    const nft = spawn('nsenter', [...inside(lab.name), 'nft', '-f', '-'], { stdio: ['pipe', 'inherit', 'inherit'] });
    nft.stdin.end(table);
    await new Promise((resolve) => nft.once('exit', resolve));
    assert.equal(nft.exitCode, 0);
    const sender = await lab.testReader();
    let isDone = false;
    const verdict = diagnosed(t, 'tap0', '--netns', lab.name).finally(() => {
      isDone = true;
    });
    // Each packet meets all of them: more of these would be what is slow.
    while (!isDone) await Promise.all([sender.udp(peer, 9, 10, 64).catch(() => undefined), wait(50)]);
    const report = await verdict;
    assert.equal(textAt(report, 'findings', 0, 'rule'), 'host-firewall');
    const command = textAt(report, 'findings', 0, 'remedies', 0, 'command');
    const shown = await run('sh', ['-c', command], { maxBuffer: 1e8 });
    assert.ok(shown.stdout.includes('udp dport 9 counter packets'));
  });

  test('a reader in another process namespace has the number that it has here', { skip: noLab }, async (t) => {
    const lab = await namespaceLab(t);
    const testReader = await startTestReader('nsenter', [
      ...inside(lab.name),
      ...['unshare', '--pid', '--fork', '--kill-child', '--mount-proc', testReaderFile],
    ]);
    lab.after(() => testReader.quit());
    await testReader.open('a', 'tap0', 'tap');
    const peer = await lab.raise('tap0', 50);
    const reader = childOf(testReader.pid);
    process.kill(reader, 'SIGSTOP');
    lab.after(async () => void process.kill(reader, 'SIGCONT'));
    const sender = await lab.testReader();
    await sender.udp(peer, 9, 500, 64);
    let isDone = false;
    const verdict = diagnosed(t, 'tap0', '--netns', lab.name).finally(() => {
      isDone = true;
    });
    while (!isDone) await Promise.all([sender.udp(peer, 9, 50, 64), wait(20)]);
    const report = await verdict;
    assert.equal(textAt(report, 'findings', 0, 'rule'), 'reader-stalled');
    assert.equal(textAt(report, 'findings', 0, 'remedies', 0, 'command'), `kill -CONT ${reader}`);
  });

  test('a reader whose thread has another name each moment', { skip: noLab }, async (t) => {
    const lab = await namespaceLab(t);
    const reader = spawn('nsenter', [...inside(lab.name), 'perl', '-e', RENAMES], { stdio: 'ignore' });
    lab.after(async () => void reader.kill('SIGKILL'));
    const peer = await raised(lab, 'tap0');
    const sender = await lab.testReader();
    const verdict = whileSending(diagnosed(t, 'tap0', '--netns', lab.name), () => sender.udp(peer, 9, 50, 64));
    const report = await verdict;
    assert.match(textAt(report, 'findings', 0, 'rule'), /^reader-/);
    assert.match(textAt(report, 'findings', 0, 'cause'), new RegExp(`name-\\d+ \\(pid ${reader.pid}\\)`));
  });

  test('a monitor of QEMU that takes a connection and never answers', { skip: noQemu }, async (t) => {
    const lab = await namespaceLab(t);
    const folder = temporaryFolder(t);
    const monitor = join(folder, 'qmp');
    const machine = ['-S', '-display', 'none', '-nodefaults', '-qmp', `unix:${monitor},server=on,wait=off`];
    const net = ['-netdev', 'tap,id=n0,ifname=tap0,script=no,downscript=no', '-device', 'virtio-net-pci,netdev=n0'];
    const qemu = spawn('nsenter', [...inside(lab.name), 'qemu-system-x86_64', ...machine, ...net], { stdio: 'ignore' });
    lab.after(async () => void qemu.kill('SIGKILL'));
    const peer = await raised(lab, 'tap0');
    const sender = await lab.testReader();
    // QEMU serves one client of a monitor at a time: the next one waits.
    const first = createConnection(monitor);
    lab.after(async () => void first.destroy());
    const report = await whileSending(diagnosedFor(t, PAUSED_SECONDS, 'tap0', '--netns', lab.name), () =>
      sender.udp(peer, 9, 50, 64),
    );
    assert.equal(textAt(report, 'findings', 0, 'rule'), 'reader-stalled');
    const command = textAt(report, 'findings', 0, 'remedies', 0, 'command');
    assert.ok(command.includes(monitor), command);
    const began = performance.now();
    await run('sh', ['-c', command]).catch(() => undefined); // timeout says 124
    assert.ok(performance.now() - began <= 20_000);
  });
});

test('a namespace is asked for by its name as soon as it is there', { skip: noLab }, async (t) => {
  const before = await namespaceLab(t);
  const testReader = await before.testReader();
  await testReader.open('a', 'tap0', 'tap');
  const agent = await startAgent(t);
  const lab = await namespaceLab(t);
  const other = await lab.testReader();
  await other.open('a', 'tap1', 'tap');
  const { agent: seen, devices } = await freshSnapshot(agent.socket);
  assert.ok(devices.some(({ netns, name }) => netns === lab.inode && name === 'tap1'));
  assert.equal(seen.namespaceNames.get(lab.inode), lab.name);
});

/** Raises the device as soon as its reader has made it. */
async function raised(lab: NamespaceLab, device: string): Promise<string> {
  const isThere = (): Promise<boolean> =>
    lab.link(device).then(
      () => true,
      () => false,
    );
  await until(isThere);
  return lab.raise(device, 50);
}

async function whileSending<Value>(asked: Promise<Value>, lump: () => Promise<unknown>): Promise<Value> {
  let isDone = false;
  const answered = asked.finally(() => {
    isDone = true;
  });
  while (!isDone) await Promise.all([lump(), wait(20)]);
  return answered;
}

/** The reader itself: `unshare --fork` waits for it. */
function childOf(parent: number): number {
  const [child] = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => statusOf(pid).includes(`\nPPid:\t${parent}\n`));
  return Number(child ?? assert.fail(`${parent} has no child`));
}

function statusOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/status`, 'utf8');
  } catch {
    return ''; // it ended
  }
}

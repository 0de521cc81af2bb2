// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel, alone.
// The process that counts has rights and no port; the one that serves has a port and no rights. What an intruder in the second one can do, and
// what is left when one of them ends.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { answersIn, bringIntruder, FEWEST_ATTEMPTS, succeeded } from '../../test/agent/intrusion.ts';
import { type Agent, begin, startAgent, tapscope } from '../../test/agent/serve-process.ts';
import { freePort } from '../../test/host/free-port.ts';
import { serveLocally } from '../../test/host/local-server.ts';
import { noLab } from '../../test/host/netns.ts';
import { slowness } from '../../test/host/slowness.ts';
import { unreadTap } from '../../test/host/unread-tap.ts';
import { until } from '../../test/host/until.ts';
import { packageRoot } from '../kernel/package.ts';

const BACK_WITHIN_MS = 1000;
const FLOOD_MS = 4000;
/** USER_HZ of every kernel that this runs on. */
const TICKS_A_SECOND = 100;

/** Ticks of CPU time, the process's own and the kernel's for it (proc_pid_stat(5), utime and stime). */
function ticksOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  return Number(fields[11]) + Number(fields[12]);
}

function residentBytes(pid: number): number {
  return 1024 * Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
}

/** An agent whose serving process has code of an intruder. */
function intruded(t: TestContext): Promise<Agent> {
  return withIntruder(t, () => startAgent(t, ['--budget=off']));
}

/** What `start` starts meanwhile has the code of an intruder. */
async function withIntruder<T>(t: TestContext, start: () => T | Promise<T>): Promise<T> {
  const before = { ...process.env };
  // Where the process that serves may read: a fault of its own code runs there.
  const code = bringIntruder();
  const folder = mkdtempSync(join(tmpdir(), 'prey-'));
  t.after(() => rmSync(folder, { recursive: true }));
  chmodSync(folder, 0o755);
  process.env.INTRUDER_PREY = join(folder, 'for-all-to-read');
  writeFileSync(process.env.INTRUDER_PREY, 'secret', { mode: 0o644 });
  process.env.NODE_OPTIONS = `--require=${code}`;
  process.env.INTRUDER_ROOT = packageRoot();
  try {
    return await start();
  } finally {
    process.env = before;
  }
}

async function servingAgain(agent: Agent, before: number): Promise<number> {
  const from = performance.now();
  for (;;) {
    const pid = agent.servingPid();
    const answers = pid !== undefined && pid !== before && (await agent.metrics().then(Boolean, () => false));
    if (answers) return performance.now() - from;
    assert.ok(performance.now() - from < 60_000, 'it is not started again');
    await wait(10);
  }
}

test('the process that serves has no capability, another user, a filter of system calls, and only sockets to the other', {
  skip: noLab,
}, async (t) => {
  const agent = await startAgent(t);
  const serving = agent.servingPid() ?? assert.fail('nothing serves');
  for (const thread of readdirSync(`/proc/${serving}/task`)) {
    const status = readFileSync(`/proc/${serving}/task/${thread}/status`, 'utf8');
    assert.match(status, /^Uid:(\t655[23]\d){4}$/m, 'other programs may have user 65534');
    assert.match(status, /^Groups:\s*$/m);
    assert.match(status, /^CapPrm:\t0+$/m);
    assert.match(status, /^CapEff:\t0+$/m);
    assert.match(status, /^NoNewPrivs:\t1$/m);
    assert.match(status, /^Seccomp:\t2$/m);
  }
  const stdout = execFileSync('ss', ['-Hltnp'], { encoding: 'utf8' });
  const listeners = stdout.split('\n').filter((line) => line.includes(`:${new URL(agent.url).port} `));
  assert.equal(listeners.length, 1);
  assert.match(listeners[0] ?? '', new RegExp(`pid=${serving},`), 'the process that counts has no port');
  assert.doesNotMatch(listeners[0] ?? '', new RegExp(`pid=${agent.pid},`));
});

test('the process that counts has a filter of system calls in all threads, and changes no names of files', {
  skip: noLab,
}, async (t) => {
  const agent = await intruded(t);
  for (const thread of readdirSync(`/proc/${agent.pid}/task`)) {
    const status = readFileSync(`/proc/${agent.pid}/task/${thread}/status`, 'utf8');
    assert.match(status, /^NoNewPrivs:\t1$/m);
    assert.match(status, /^Seccomp:\t2$/m);
  }
  process.kill(agent.pid, 'SIGUSR2');
  await wait(200 * (await slowness()));
  const { code, stderr } = await agent.stop();
  assert.equal(code, 0);
  assert.match(stderr, /^first: rename EPERM, link EPERM, symlink EPERM$/m);
});

test('an intruder in the process that serves gets no further, and the figures stay exact', {
  skip: noLab,
}, async (t) => {
  rmSync('/tmp/intruder', { force: true });
  const { testReader, peer, queue } = await unreadTap(t);
  const agent = await intruded(t);
  const serving = agent.servingPid() ?? assert.fail('nothing serves');
  await testReader.udp(peer, 9, 25, 64);
  process.kill(serving, 'SIGUSR2');
  const ms = await servingAgain(agent, serving);
  t.diagnostic(`another process serves after ${Math.round(ms)} ms`);
  const { sent } = await testReader.udp(peer, 9, 15, 64);
  assert.equal((await agent.metrics()).value('tapscope_queue_offered_packets_total', queue), 25 + sent);
  const { code, stderr } = await agent.stop();
  assert.equal(code, 0);
  const answers = answersIn(stderr) ?? assert.fail(stderr);
  assert.deepEqual(succeeded(answers), []);
  assert.ok(Object.keys(answers).length >= FEWEST_ATTEMPTS);
  assert.equal(existsSync('/tmp/intruder'), false);
  assert.match(stderr, /^tapscope: The process that answers requests sent what it must not send, and is ended\.$/m);
});

test('an intruder who asks for snapshots without end gets half of the time, and the figures stay exact', {
  skip: noLab,
}, async (t) => {
  const { testReader, peer, queue } = await unreadTap(t);
  process.env.INTRUDER_FLOOD_MS = String(FLOOD_MS);
  t.after(() => void Reflect.deleteProperty(process.env, 'INTRUDER_FLOOD_MS'));
  const agent = await intruded(t);
  const serving = agent.servingPid() ?? assert.fail('nothing serves');
  const ticks = (): number => ticksOf(agent.pid);
  const before = { ticks: ticks(), bytes: residentBytes(agent.pid) };
  process.kill(serving, 'SIGUSR2');
  await wait(FLOOD_MS / 2);
  const { sent } = await testReader.udp(peer, 9, 15, 64);
  await wait(FLOOD_MS / 2);
  const share = (ticks() - before.ticks) / TICKS_A_SECOND / (FLOOD_MS / 1000);
  const grown = (residentBytes(agent.pid) - before.bytes) / 2 ** 20;
  t.diagnostic(`${Math.round(100 * share)} % of a core, ${Math.round(grown)} MiB more`);
  assert.ok(share < 0.75, `${share} of a core`);
  assert.ok(grown < 64, `${grown} MiB`);
  assert.equal((await agent.metrics()).value('tapscope_queue_offered_packets_total', queue), sent);
  assert.equal((await agent.stop()).code, 0);
});

test('a process that serves and is killed is started again at once, then after 1 s, 2 s; no packet is missed', {
  skip: noLab,
}, async (t) => {
  const { testReader, peer, queue } = await unreadTap(t);
  const agent = await startAgent(t, ['--budget=off']);
  let all = 0;
  for (let round = 0; round < 3; round += 1) {
    const serving = agent.servingPid() ?? assert.fail('nothing serves');
    process.kill(serving, 'SIGKILL');
    all += (await testReader.udp(peer, 9, 20, 64)).sent;
    const ms = await servingAgain(agent, serving);
    t.diagnostic(`it serves again after ${Math.round(ms)} ms`);
    const pauseMs = round === 0 ? 0 : 1000 * 2 ** (round - 1);
    assert.ok(ms >= pauseMs && ms - pauseMs <= BACK_WITHIN_MS * (await slowness()), `round ${round}: ${ms} ms`);
  }
  assert.equal((await agent.metrics()).value('tapscope_queue_offered_packets_total', queue), all);
  assert.match(
    (await tapscope(['check', `--socket=${agent.socket}`])).stdout,
    /✓ agent +pid/,
    'its socket is there too',
  );
  const { stderr } = await agent.stop();
  assert.equal(
    stderr.match(/ended \(signal SIGKILL\) and is started again(?: in \d s)?; its history begins anew\.$/gm)?.length,
    3,
  );
});

test('a process that serves and is killed goes on exporting when it is started again', { skip: noLab }, async (t) => {
  let exports = 0;
  const collector = await serveLocally(t, (request, reply) => {
    if (request.url === '/v1/metrics') exports += 1;
    request.resume().once('end', () => reply.setHeader('content-type', 'application/json').end('{}'));
  });
  const agent = await startAgent(t, [`--otlp=${collector}`, '--otlp-interval=1s']);
  await until(() => exports > 0);
  assert.ok(exports > 0);
  const serving = agent.servingPid() ?? assert.fail('nothing serves');
  process.kill(serving, 'SIGKILL');
  await servingAgain(agent, serving);
  const before = exports;
  await until(() => exports > before);
  assert.ok(exports > before, 'nothing is exported any more');
});

test('without the process that counts nothing serves, and a request that it did not read is no crash', {
  skip: noLab,
}, async () => {
  const port = await freePort();
  const agent = begin(['serve', `--web.listen-address=127.0.0.1:${port}`, `--socket=/run/tapscope/${port}.sock`]);
  const url = `http://127.0.0.1:${port}/-/ready`;
  await until(async () => (await fetch(url).catch(() => undefined))?.ok === true);
  agent.signal('SIGSTOP');
  const unread = fetch(`http://127.0.0.1:${port}/metrics`).catch(() => undefined);
  await wait(500);
  agent.signal('SIGKILL');
  await unread;
  assert.doesNotMatch((await agent.end).stderr, /crashed/);
  await assert.rejects(fetch(url));
});

test('a process that serves and is stopped ends with the one that counts, and its port is free again', {
  skip: noLab,
}, async () => {
  const port = await freePort();
  const words = ['serve', `--web.listen-address=127.0.0.1:${port}`, `--socket=/run/tapscope/${port}.sock`];
  const agent = begin(words);
  await until(async () => (await fetch(`http://127.0.0.1:${port}/-/ready`).catch(() => undefined))?.ok === true);
  const [serving] = descendantsOf(agent.pid).filter(({ args }) => args.includes('dist/src/serving.js'));
  assert.ok(serving);
  process.kill(serving.pid, 'SIGSTOP');
  agent.signal('SIGKILL');
  await agent.end;
  await until(() => !existsSync(`/proc/${serving.pid}`));
  assert.ok(!existsSync(`/proc/${serving.pid}`), 'it is still there');
  const again = begin(words);
  await until(async () => (await fetch(`http://127.0.0.1:${port}/-/ready`).catch(() => undefined))?.ok === true);
  again.signal('SIGTERM');
  assert.equal((await again.end).code, 0);
});

/** Processes below this one: what ps(1) shows of each. */
function descendantsOf(pid: number): readonly { readonly pid: number; readonly tty: string; readonly args: string }[] {
  const lines = execFileSync('ps', ['-eo', 'pid=,ppid=,tty=,args='], { encoding: 'utf8' }).split('\n');
  const found = lines.flatMap((line) => {
    const [, own, parent, tty = '', args = ''] = /^ *(\d+) +(\d+) +(\S+) +(.*)$/.exec(line) ?? [];
    return Number(parent) === pid ? [{ pid: Number(own), tty, args }] : [];
  });
  return found.flatMap((one) => [one, ...descendantsOf(one.pid)]);
}

/** Types into its own terminal, as any program may that has one and no filter: what the intruder is to be kept from. */
const TYPES = "require('./dist/test/raw-syscall.node').call(16, 0, 0x5412, Buffer.from('~'))";

test('started from a terminal: an intruder in the process that serves can neither type there nor read it, and SIGUSR1 opens no debugger', {
  skip: noLab,
}, async (t) => {
  const port = await freePort();
  const socket = join(tmpdir(), `tapscope-terminal-${port}.sock`);
  const agent = `exec ${process.execPath} dist/src/main.js serve --web.listen-address=127.0.0.1:${port} --socket=${socket}`;
  const mayType = process.arch === 'x64' && readSysctl('dev/tty/legacy_tiocsti') === '1';
  const command = mayType ? `${process.execPath} -e "${TYPES}"; ${agent}` : agent;
  const terminal = await withIntruder(t, () =>
    spawn('script', ['-qfec', command, '/dev/null'], { stdio: ['pipe', 'pipe', 'ignore'] }),
  );
  t.after(() => terminal.kill('SIGKILL'));
  let printed = '';
  terminal.stdout.on('data', (data) => {
    printed += data;
  });
  const find = (name: string) =>
    descendantsOf(terminal.pid ?? 0).find(({ args }) => args.includes(`dist/src/${name}.js`));
  await until(() => printed.includes(`:${port}`) && find('serving') !== undefined);
  const [counting, serving] = [find('main'), find('serving')];
  assert.ok(counting && serving, printed);
  assert.match(counting.tty, /^pts\//);
  assert.equal(serving.tty, '?');
  const held = readdirSync(`/proc/${serving.pid}/fd`).map((fd) => readlinkSync(`/proc/${serving.pid}/fd/${fd}`));
  assert.deepEqual(
    held.filter((name) => /^\/dev\/(?!null$|urandom$)/.test(name)),
    [],
  );
  for (const { pid } of [counting, serving]) process.kill(pid, 'SIGUSR1');
  await wait(500);
  assert.ok(!printed.includes('Debugger listening'), printed);
  process.kill(serving.pid, 'SIGUSR2');
  await until(() => /^intruder: /m.test(printed) && find('serving') !== undefined);
  assert.match(printed, /"type into the terminal":"EPERM"/);
  assert.equal(printed.match(/~/g)?.length ?? 0, mayType ? 1 : 0, 'typed by the program without a filter alone');
  process.kill(counting.pid, 'SIGTERM');
  await until(() => find('serving') === undefined && find('main') === undefined);
  assert.equal(find('serving'), undefined);
  await until(() => printed.includes('tapscope: SIGTERM: tapscope stops.'));
});

/** '': this kernel has no such setting. */
function readSysctl(path: string): string {
  const file = `/proc/sys/${path}`;
  return existsSync(file) ? readFileSync(file, 'utf8').trim() : '';
}

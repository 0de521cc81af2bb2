// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// The process that systemd starts for a connection, as the one that counts sees it: another one plays it here.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { bringIntruder } from '../../../test/agent/intrusion.ts';
import { until } from '../../../test/host/until.ts';
import { packageRoot } from '../package.ts';
import { landlock } from './landlock.ts';
import { socketPair } from './native-processes.ts';
import { startedBySystemd } from './serving-unit.ts';

const PORTS = { taken: [10747], connected: [53, 4318] };
/** Each question takes microseconds; where the answer waits for an end of the bytes, it never comes. */
const ANSWERED_WITHIN_MS = 30_000;

/** `answer`: what it does with the connection, whose name is `socket`. */
async function unit(t: TestContext, answer: string): Promise<{ path: string; child: ChildProcess }> {
  const folder = mkdtempSync(join(tmpdir(), 'tapscope-unit-'));
  const path = join(folder, 'socket');
  const program = `require('node:net').createServer((socket) => { socket.on('error', () => {}); ${answer} }).listen(process.argv[1] + '.new', () => require('node:fs').renameSync(process.argv[1] + '.new', process.argv[1]))`;
  const child = spawn(process.execPath, ['-e', program, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => {
    child.kill('SIGKILL');
    rmSync(folder, { recursive: true });
  });
  await until(() => existsSync(path));
  return { path, child };
}

test('the ports that it may use come before all else, in one line', async (t) => {
  const { path, child } = await unit(t, `socket.pipe(process.stdout)`);
  const [one, other] = socketPair();
  const life = startedBySystemd(path, [one, other], PORTS);
  const [bytes] = child.stdout ? await once(child.stdout, 'data') : [];
  assert.equal(JSON.stringify(JSON.parse(String(bytes).split('\n')[0] ?? '')), JSON.stringify(PORTS));
  child.kill('SIGKILL');
  await until(() => life.end() !== undefined);
  assert.ok(life.end());
});

test('one that writes to the connection without end holds up nothing: who it is, and when it ends, is seen', async (t) => {
  const { path, child } = await unit(
    t,
    `const bytes = Buffer.alloc(2 ** 20); const flood = () => { while (socket.write(bytes)); }; socket.on('drain', flood); flood();`,
  );
  const life = startedBySystemd(path, [], PORTS);
  await until(() => life.pid() !== undefined);
  const began = performance.now();
  for (let asked = 0; asked < 100; asked += 1) {
    assert.equal(life.pid(), child.pid);
    assert.equal(life.end(), undefined);
  }
  const ms = performance.now() - began;
  assert.ok(ms < ANSWERED_WITHIN_MS, `${ms} ms`);
  child.kill('SIGKILL');
  await until(() => life.end() !== undefined);
  assert.ok(life.end());
});

/** The process that serves as built, started as systemd does for a connection, with code of an intruder that tries these ports. */
function serving(t: TestContext, connection: Socket, ports: readonly number[]): ChildProcess {
  const code = bringIntruder();
  const variables = {
    TAPSCOPE_SERVED_BY_UNIT: 'yes',
    NODE_OPTIONS: `--require=${code}`,
    INTRUDER_PORTS: String(ports),
  };
  const words = ['-c', 'LISTEN_PID=$$ exec "$@"', 'sh', process.execPath, join(packageRoot(), 'dist/src/serving.js')];
  const child = spawn('sh', words, {
    env: { ...process.env, ...variables },
    stdio: ['ignore', 'ignore', 'pipe', connection],
  });
  t.after(() => child.kill('SIGKILL'));
  return child;
}

async function portOf(t: TestContext): Promise<number> {
  const server = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const address = server.address();
  return typeof address === 'object' ? (address?.port ?? 0) : 0;
}

test('it is confined to the ports that it was told, by Landlock, before it runs', {
  skip: !landlock().ports && 'needs Landlock with TCP ports (Linux 6.7)',
}, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tapscope-unit-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const systemd = createServer({ pauseOnConnect: true }).listen(join(folder, 'socket'));
  t.after(() => systemd.close());
  await once(systemd, 'listening');
  const [collector, other] = [await portOf(t), await portOf(t)];
  const connected = once(systemd, 'connection');
  const pairs = [socketPair(), socketPair()];
  const theirs = pairs.map(([, end]) => end);
  const life = startedBySystemd(join(folder, 'socket'), theirs, { taken: [], connected: [53, collector] });
  const [connection] = await connected;
  const child = serving(t, connection, [collector, other]);
  let said = '';
  child.stderr?.on('data', (data) => {
    said += data;
  });
  await until(() => life.pid() !== undefined);
  assert.equal(life.pid(), child.pid, said);
  child.kill('SIGUSR2');
  await until(() => said.includes('\n'));
  assert.equal(said, `ports: ${JSON.stringify({ [collector]: 'done', [other]: 'EACCES', passwd: 'EACCES' })}\n`);
});

// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel.
// Root starts the agent by hand: the process that counts gives up every right that it does not need, in all of its threads, and works on.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type Agent, begin, startAgent } from '../../test/agent/serve-process.ts';
import { noLab } from '../../test/host/netns.ts';
import { unreadTap } from '../../test/host/unread-tap.ts';
import { until } from '../../test/host/until.ts';
import { packageRoot } from '../kernel/package.ts';
import { keptNumbers } from '../kernel/processes/kept-rights.ts';

const SETS = ['Inh', 'Prm', 'Eff', 'Bnd', 'Amb'];
const KEPT = keptNumbers({ startsProcesses: true, hasGroup: false });
/** Ports below 1024, of which one is free. */
const SYSTEM_PORTS = { first: 700, last: 1023 };
/** AF_UNIX, AF_INET, AF_INET6, AF_NETLINK, AF_PACKET, AF_ALG, AF_VSOCK. Node cannot make all of them; Perl can. */
const FAMILIES = [1, 2, 10, 16, 17, 38, 40];
const SOCKETS = `print join " ", map { socket(my $s, $_, $_ == 16 ? 3 : 2, 0) ? "made" : $!{EPERM} ? "refused" : $! } @ARGV`;

/** The sets of all threads, where they have what is not kept. */
function excessOf(pid: number): readonly string[] {
  const kept = KEPT.reduce((mask, bit) => mask | (1n << BigInt(bit)), 0n);
  return readdirSync(`/proc/${pid}/task`).flatMap((thread) => {
    const status = readFileSync(`/proc/${pid}/task/${thread}/status`, 'utf8');
    return SETS.flatMap((set) => {
      const [, mask] = new RegExp(`^Cap${set}:\\s*([\\da-f]+)$`, 'm').exec(status) ?? assert.fail(status);
      const excess = BigInt(`0x${mask}`) & ~kept;
      return excess === 0n ? [] : [`thread ${thread}, ${set}: ${excess.toString(16)}`];
    });
  });
}

async function assertExact(t: TestContext, agent: Agent): Promise<void> {
  const { testReader, peer, queue } = await unreadTap(t);
  const offered = async () => (await agent.metrics()).value('tapscope_queue_offered_packets_total', queue);
  await until(async () => (await offered()) !== undefined);
  const before = (await offered()) ?? 0;
  const { sent } = await testReader.udp(peer, 9, 25, 64);
  assert.equal(await offered(), before + sent);
}

test('no thread of the process that counts has another capability than those that are documented', {
  skip: noLab,
}, async (t) => {
  const agent = await startAgent(t, ['--budget=off']);
  const threads = readdirSync(`/proc/${agent.pid}/task`).length;
  t.diagnostic(`${threads} threads`);
  assert.ok(threads > 1);
  assert.deepEqual(excessOf(agent.pid), []);
  await assertExact(t, agent);
  const { code, stderr } = await agent.stop();
  assert.equal(code, 0);
  assert.doesNotMatch(stderr, /EPERM|EACCES/);
});

test('without CAP_KILL, as in a container, a process that serves and sends rubbish is ended all the same', {
  skip: noLab,
}, async (t) => {
  const code = join(packageRoot(), 'dist/test/rubbish.cjs');
  writeFileSync(
    code,
    "if (process.argv[1]?.endsWith('/serving.js')) process.on('SIGUSR2', () => require('node:fs').writeSync(3, 'x'));",
  );
  const before = process.env.NODE_OPTIONS;
  process.env.NODE_OPTIONS = `--require=${code}`;
  t.after(() => rmSync(code));
  const agent = await startAgent(t, ['--budget=off'], {
    wrapper: ['setpriv', '--bounding-set=-kill', '--inh-caps=-kill'],
  }).finally(() => {
    if (before === undefined) delete process.env.NODE_OPTIONS;
    else process.env.NODE_OPTIONS = before;
  });
  const serving = agent.servingPid() ?? assert.fail('nothing serves');
  process.kill(serving, 'SIGUSR2');
  await until(
    async () =>
      ![serving, undefined].includes(agent.servingPid()) && (await agent.metrics().then(Boolean, () => false)),
  );
  await assertExact(t, agent);
  const { code: status, stderr } = await agent.stop();
  assert.equal(status, 0, stderr);
  assert.match(stderr, /sent what it must not send, and is ended\.$/m);
});

test('a port of the system can be listened on', { skip: noLab }, async () => {
  const port = await freeSystemPort();
  const agent = begin(['serve', `--web.listen-address=127.0.0.1:${port}`, `--socket=/run/tapscope/${port}.sock`]);
  await until(async () => (await fetch(`http://127.0.0.1:${port}/-/ready`).catch(() => undefined))?.ok === true);
  agent.signal('SIGTERM');
  const { code, stderr } = await agent.end;
  assert.equal(code, 0, stderr);
});

async function freeSystemPort(): Promise<number> {
  for (let port = SYSTEM_PORTS.first; port <= SYSTEM_PORTS.last; port += 1) {
    const server = createServer().listen(port, '127.0.0.1');
    const isFree = await once(server, 'listening').then(
      () => true,
      () => false,
    );
    server.close();
    if (isFree) return port;
  }
  return assert.fail('no port of the system is free');
}

/** Output of code that runs behind the filter. */
function behindFilter(startsProcesses: boolean, code: string): string {
  const addon = JSON.stringify(join(packageRoot(), 'dist/addon/tapscope.node'));
  const words = [`require(${addon}).refuseUnused(${startsProcesses}, true);`, code];
  return execFileSync(process.execPath, ['-e', words.join('\n')], { encoding: 'utf8' });
}

test('started by hand, the filter leaves what it starts IP, unix and netlink sockets, and no others', {
  skip: noLab,
}, () => {
  const perl = JSON.stringify(['-MErrno', '-e', SOCKETS, ...FAMILIES.map(String)]);
  const said = behindFilter(
    true,
    `console.log(require('node:child_process').execFileSync('perl', ${perl}).toString())`,
  );
  assert.equal(said, 'made made made made refused refused refused\n');
});

test('as a service, the filter leaves unix and netlink sockets, and no IP', { skip: noLab }, () => {
  const code = `
    const { connect } = require('node:net');
    const ask = (...where) => new Promise((resolve) => connect(...where).once('error', ({ code }) => resolve(code)));
    Promise.all([ask(9, '127.0.0.1'), ask(9, '::1'), ask('/nowhere/socket')]).then((codes) =>
      console.log(...codes, Object.keys(require('node:os').networkInterfaces()).includes('lo')));`;
  assert.equal(behindFilter(false, code), 'EPERM EPERM ENOENT true\n');
});

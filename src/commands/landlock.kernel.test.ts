// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel.
// What Landlock keeps from code of an intruder in the process that serves where a collector is configured, and what is said where it does not.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { bringIntruder } from '../../test/agent/intrusion.ts';
import { startAgent, tapscope } from '../../test/agent/serve-process.ts';
import { freePort } from '../../test/host/free-port.ts';
import { serveLocally } from '../../test/host/local-server.ts';
import { noLab } from '../../test/host/netns.ts';
import { until } from '../../test/host/until.ts';
import { packageRoot } from '../kernel/package.ts';
import { landlock } from '../kernel/processes/landlock.ts';

const kernel = landlock();
const noPorts = noLab || (!kernel.ports && 'needs Landlock with TCP ports (Linux 6.7)');
const ONE_SENTENCE = /^tapscope: [^\n]+\n$/;

/** Variables that load code of an intruder into the process that serves, which tries to connect to these ports at SIGUSR2. */
function intruderOf(ports: readonly number[]): readonly string[] {
  const code = bringIntruder();
  return ['env', `NODE_OPTIONS=--require=${code}`, `INTRUDER_ROOT=${packageRoot()}`, `INTRUDER_PORTS=${ports}`];
}

async function listening(t: TestContext): Promise<number> {
  const server = createServer((socket) => socket.destroy()).listen(await freePort(), '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const address = server.address();
  return typeof address === 'object' ? (address?.port ?? 0) : 0;
}

test('with --otlp, code in the process that serves reaches the collector’s TCP port and no other; doctor says so', {
  skip: noPorts,
}, async (t) => {
  let exports = 0;
  const collector = await serveLocally(t, (request, reply) => {
    exports += 1;
    request.resume().once('end', () => reply.setHeader('content-type', 'application/json').end('{}'));
  });
  const allowed = Number(new URL(collector).port);
  const others = [await listening(t), await freePort()];
  const wrapper = intruderOf([allowed, ...others]);
  const agent = await startAgent(t, [`--otlp=${collector}`, '--otlp-interval=1s'], { wrapper });
  await until(() => exports > 0);
  assert.ok(exports > 0);
  process.kill(agent.servingPid() ?? assert.fail('nothing serves'), 'SIGUSR2');
  const { stdout: doctor } = await tapscope(['doctor', `--socket=${agent.socket}`]);
  assert.match(
    doctor,
    new RegExp(
      `^That is open: for --otlp .* UDP to any address, .* TCP ports 53 and ${allowed} of any address\\.$`,
      'm',
    ),
  );
  await wait(200);
  const { code, stderr } = await agent.stop();
  assert.equal(code, 0);
  const [, found = ''] = /^ports: (.*)$/m.exec(stderr) ?? assert.fail(stderr);
  assert.deepEqual(JSON.parse(found), {
    [allowed]: 'done',
    ...Object.fromEntries(others.map((p) => [p, 'EACCES'])),
    passwd: 'EACCES',
  });
});

/** Starts "$@" with a copy of /etc in place of /etc, in which resolv.conf is a file. */
const OWN_ETC = `set -e
  cp -a /etc/. "$1"; rm -f "$1/resolv.conf"; echo nameserver 127.0.0.1 >"$1/resolv.conf"
  mount --bind "$1" /etc; shift; exec "$@"`;

test('where another program replaces /etc/resolv.conf, the log says so, and what to do', {
  skip: noPorts,
}, async (t) => {
  const etc = mkdtempSync(join(tmpdir(), 'tapscope-etc-'));
  t.after(() => rmSync(etc, { recursive: true }));
  chmodSync(etc, 0o755);
  const wrapper = ['unshare', '--mount', 'sh', '-c', OWN_ETC, 'sh', etc];
  const agent = await startAgent(t, ['--otlp=http://collector.invalid:4318', '--otlp-interval=1s'], { wrapper });
  const resolver = join(etc, 'resolv.conf');
  writeFileSync(`${resolver}.new`, 'nameserver 127.0.0.1\n');
  renameSync(`${resolver}.new`, resolver);
  await until(() => /collector\.invalid/.test(agent.said()));
  const { code, stderr } = await agent.stop();
  assert.equal(code, 0, stderr);
  assert.match(stderr, /has replaced \/etc\/resolv\.conf, which tapscope may read once it is started again/);
});

test('without --otlp doctor says that nothing is open', { skip: noPorts }, async (t) => {
  const agent = await startAgent(t);
  assert.doesNotMatch((await tapscope(['doctor', `--socket=${agent.socket}`])).stdout, /That is open/);
});

test('a kernel that has Landlock and refuses the rules: the agent does not start, and says why in one sentence', {
  skip: noLab || (!kernel.files && 'needs Landlock'),
}, async () => {
  const wrapper = [process.execPath, join(packageRoot(), 'test/agent/stacked-sandboxes.cjs')];
  const words = ['serve', `--web.listen-address=127.0.0.1:${await freePort()}`];
  const { code, stderr } = await tapscope(words, { wrapper });
  assert.equal(code, 1, stderr);
  assert.match(stderr, ONE_SENTENCE);
  assert.match(stderr, /refuses the rules .*Argument list too long.*does not start without/);
});

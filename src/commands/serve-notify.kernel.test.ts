// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel, alone, python3.
// sd_notify messages of the built agent: when figures are served, that both processes live, and that it stops.
import assert from 'node:assert/strict';
import test from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { type Notification, notifySocket } from '../../test/agent/notify-socket.ts';
import { startAgent } from '../../test/agent/serve-process.ts';
import { noLab } from '../../test/host/netns.ts';
import { slowness } from '../../test/host/slowness.ts';
import { until } from '../../test/host/until.ts';

const WATCHDOG_MS = 2000;
const isAlive = ({ lines }: Notification): boolean => lines.includes('WATCHDOG=1');

test('systemd hears READY, signs of life of two healthy processes only, and STOPPING', { skip: noLab }, async (t) => {
  const address = `@tapscope-test-${process.pid}`;
  const heard = await notifySocket(t, address);
  const wrapper = ['env', `NOTIFY_SOCKET=${address}`, `WATCHDOG_USEC=${WATCHDOG_MS * 1000}`];
  const agent = await startAgent(t, [], { wrapper });
  await until(() => heard.some(isAlive));
  const words = heard.map(({ lines }) => lines.join(' '));
  t.diagnostic(words.join('\n'));
  assert.equal(words[0], 'STATUS=probes are being attached');
  assert.match(words[1] ?? '', /^READY=1 STATUS=serves 127\.0\.0\.1:\d+\. Measured: .*\. WATCHDOG=1$/);
  assert.equal(words.filter((line) => line.includes('READY=1')).length, 1);

  const alive = () => heard.filter(isAlive).length;
  const from = alive();
  await until(() => alive() >= from + 4);
  const times = heard.filter(isAlive).map(({ atMs }) => atMs);
  const longest = Math.max(...times.slice(1).map((atMs, index) => atMs - (times[index] ?? 0)));
  t.diagnostic(`${times.length} signs of life, ${Math.round(longest)} ms apart at most`);
  assert.ok(longest < WATCHDOG_MS * (await slowness()), `${longest} ms`);

  for (const [name, pid] of [
    ['serving', agent.servingPid() ?? 0],
    ['counting', agent.pid],
  ] as const) {
    process.kill(pid, 'SIGSTOP');
    await wait(500); // one that was under way
    const before = alive();
    await wait(WATCHDOG_MS * 1.5);
    assert.equal(alive(), before, `${name} stands still, and no sign of life comes`);
    process.kill(pid, 'SIGCONT');
    await until(() => alive() > before);
    assert.ok(alive() > before, `${name} goes on`);
  }

  await agent.stop();
  assert.deepEqual(heard.at(-1)?.lines[0], 'STOPPING=1');
  assert.deepEqual([...new Set(heard.map(({ pid }) => pid))], [agent.pid], 'as NotifyAccess=main has it');
});

test('an agent whose socket is gone says so once, and serves', { skip: noLab }, async (t) => {
  const wrapper = ['env', 'NOTIFY_SOCKET=/run/tapscope/no-notify', 'WATCHDOG_USEC=1000000'];
  const agent = await startAgent(t, [], { wrapper });
  await wait(3000);
  const { stderr } = await agent.stop();
  assert.equal(stderr.match(/^tapscope: .*\/run\/tapscope\/no-notify.*$/gm)?.length, 1, stderr);
});

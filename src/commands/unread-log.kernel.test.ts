// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel.
// An agent as built whose log nobody reads: it counts, and answers, as if it were read.
import assert from 'node:assert/strict';
import { closeSync, constants, mkdtempSync, openSync, readFileSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { startAgent } from '../../test/agent/serve-process.ts';
import { namespaceLab, noLab } from '../../test/host/netns.ts';
import { run } from '../../test/host/run.ts';
import { until } from '../../test/host/until.ts';
import { errnoOf } from '../kernel/error-name.ts';

/** Writes until it takes no more. */
function fill(pipe: number): void {
  try {
    for (;;) writeSync(pipe, Buffer.alloc(4096, '.'));
  } catch (error) {
    assert.equal(errnoOf(error), 'EAGAIN');
  }
}

/** What there is to read now. */
function read(pipe: number): string {
  const bytes = Buffer.alloc(2 ** 20);
  try {
    return bytes.toString('utf8', 0, readSync(pipe, bytes)) + read(pipe);
  } catch (error) {
    assert.equal(errnoOf(error), 'EAGAIN');
    return '';
  }
}

test('an agent whose log is a full pipe counts to the packet, and goes on with the log once it is read', {
  skip: noLab,
}, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tapscope-log-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'pipe');
  await run('mkfifo', [path]);
  const [pipe, shared] = [openSync(path, constants.O_RDWR | constants.O_NONBLOCK), openSync(path, 'w')];
  t.after(() => [pipe, shared].map((descriptor) => closeSync(descriptor)));
  fill(pipe);
  const flags = () => readFileSync(`/proc/self/fdinfo/${shared}`, 'utf8').match(/^flags:.*/m)?.[0];
  const before = flags();
  const agent = await startAgent(t, ['--budget=off'], { output: shared });
  const lab = await namespaceLab(t);
  const testReader = await lab.testReader();
  await testReader.open('a', 'tap0', 'tap');
  const peer = await lab.raise('tap0', 100);
  const queue = { netns: String(lab.inode), device: 'tap0', queue: '0' };
  for (let life = 1; life < 4; life += 1) {
    process.kill(agent.servingPid() ?? assert.fail('no process serves'), 'SIGKILL');
    await testReader.udp(peer, 9, 200, 64);
    const restarts = async () => (await agent.metrics()).value('tapscope_serving_restarts_total');
    await until(() =>
      restarts().then(
        (count) => count === life,
        () => false,
      ),
    );
    const metrics = await agent.metrics();
    assert.equal(metrics.value('tapscope_queue_offered_packets_total', queue), 200 * life);
    assert.equal(
      metrics.value('tapscope_queue_dropped_packets_total', { ...queue, reason: 'FULL_RING' }),
      200 * life - 100,
    );
    assert.equal(metrics.value('tapscope_log_lines_dropped_total'), 0);
  }
  assert.match(read(pipe), /^\.+$/);
  let heard = '';
  await until(() => {
    heard += read(pipe);
    return heard.match(/is started again/g)?.length === 3;
  });
  assert.match(
    heard,
    /^(tapscope: The process that answers requests ended \(signal SIGKILL\) and is started again(?: in \d s)?; its history begins anew\.\n){3}/m,
  );
  assert.equal(flags(), before, 'the shell that started it finds what it left');
});

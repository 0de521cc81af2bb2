// SPDX-License-Identifier: Apache-2.0
// The two units of the package under a real systemd: how much each may do, whose they are, and what becomes of one when the other ends.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import type { TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { intrudeService } from '../test/agent/intruded-service.ts';
import { FEWEST_ATTEMPTS, succeeded } from '../test/agent/intrusion.ts';
import type { BootedRoot } from '../test/debian/booted-root.ts';
import { slowness } from '../test/host/slowness.ts';
import { until } from '../test/host/until.ts';

const COUNTING = 'tapscope.service';
const SERVING = 'tapscope-serving@*.service';
/** The unit that serves, before its argument. */
const SERVING_FILE = 'tapscope-serving@.service';
/** The highest exposure level in `systemd-analyze security` of each, in tenths: as docs/security.md has them. */
const MOST_EXPOSED = { [COUNTING]: 20, [SERVING_FILE]: 14 };
/** Nothing but a hang takes as long. */
const BACK_WITHIN_MS = 60_000;
/** The time from the end of the process that counts until figures are served again, on a machine at rest. */
const RECOVERED_WITHIN_MS = 1000;
/** One of them has to be that fast: any other may have waited for the CPU. */
const KILLS = 5;

const DEFAULTS = '/etc/default/tapscope';
interface Pair {
  readonly counting: Running;
  readonly serving: Running;
}

interface Running {
  readonly pid: number;
  readonly status: string;
}

export async function twoUnits(t: TestContext, host: BootedRoot, root: string): Promise<void> {
  await t.test('both sandboxes leave systemd little to complain about', async (t) => {
    for (const [unit, most] of Object.entries(MOST_EXPOSED)) {
      const file = `/usr/lib/systemd/system/${unit}`;
      const analyze = ['security', '--offline=true', '--no-pager', `--threshold=${most}`, file];
      const table = await host.inside('systemd-analyze', ...analyze);
      t.diagnostic(/Overall exposure level for .*/.exec(table)?.[0] ?? assert.fail(table));
    }
  });

  await host.inside('systemctl', 'restart', COUNTING);
  let before = await pair(host);

  await t.test('the process that counts and the one that serves are never the same user', () => {
    const [counting, serving] = [before.counting, before.serving].map(({ status }) => {
      const [, ...ids] = /^Uid:\t(\d+)\t(\d+)\t(\d+)\t(\d+)$/m.exec(status) ?? assert.fail(status);
      assert.equal(new Set(ids).size, 1);
      return ids[0];
    });
    assert.notEqual(counting, serving);
    assert.ok(!['0', '65534'].includes(counting ?? '') && !['0', '65534'].includes(serving ?? ''));
    for (const set of ['Inh', 'Prm', 'Eff', 'Bnd', 'Amb'])
      assert.match(before.serving.status, new RegExp(`^Cap${set}:\t0+$`, 'm'));
    const environment = readFileSync(`/proc/${host.pid}/root/proc/${before.serving.pid}/environ`, 'utf8');
    assert.ok(environment.split('\0').includes('MALLOC_ARENA_MAX=1'));
    for (const { status } of [before.counting, before.serving]) {
      assert.match(status, /^NoNewPrivs:\t1$/m);
      assert.match(status, /^Seccomp:\t2$/m);
    }
  });

  await t.test('systemd knows when figures are served, and what is measured', async () => {
    const words = await host.inside('systemctl', 'show', '--property=StatusText', '--value', COUNTING);
    assert.match(words, /^serves 127\.0\.0\.1:10747\. Measured: \d+ of \d+ events .*\n$/);
    await host.inside('systemctl', 'restart', COUNTING);
    assert.match(await host.inside('tapscope', 'doctor').catch((error) => error.stdout), /An agent runs, pid/);
    before = await pair(host, before.serving.pid);
  });

  for (const unit of [COUNTING, SERVING])
    await t.test(`where ${unit} stands still, systemd starts both again`, async (t) => {
      await host.inside('systemctl', 'reset-failed', COUNTING);
      const from = performance.now();
      await host.inside('systemctl', 'kill', '--signal=STOP', unit);
      await until(async () => ![before.counting.pid, undefined].includes((await pidsOf(host, COUNTING))[0]));
      t.diagnostic(`another process counts after ${Math.round((performance.now() - from) / 1000)} s`);
      before = await pair(host, before.serving.pid);
    });

  await t.test('another user cannot start the process that serves', async () => {
    const connect = `require('net').connect('/run/tapscope-serving/socket').once('error', (e) => console.log(e.code)).once('connect', () => console.log('done'))`;
    const node = ['/usr/lib/tapscope-node/node', '-e', connect];
    assert.equal(await host.inside('setpriv', '--reuid=65534', '--clear-groups', ...node), 'EACCES\n');
  });

  await t.test('one that serves and is killed is started again, and the agent stays', async () => {
    await host.inside('systemctl', 'kill', '--signal=KILL', SERVING);
    const after = await pair(host, before.serving.pid);
    assert.equal(after.counting.pid, before.counting.pid);
    before = after;
  });

  await t.test('without the process that counts nothing serves, and systemd starts both again', async (t) => {
    let [tookMs, limitMs] = [Number.POSITIVE_INFINITY, 0];
    for (let kill = 0; kill < KILLS && tookMs > limitMs; kill += 1) {
      await host.inside('systemctl', 'reset-failed', COUNTING); // it counts how often a unit is started
      const slow = await slowness();
      await host.inside('systemctl', 'kill', '--signal=KILL', COUNTING);
      const after = await pair(host, before.serving.pid);
      assert.notEqual(after.counting.pid, before.counting.pid);
      before = after;
      tookMs = await recoveryMs(host);
      limitMs = RECOVERED_WITHIN_MS * Math.max(slow, await slowness());
      t.diagnostic(`figures are served after ${Math.round(tookMs)} ms, of ${Math.round(limitMs)}`);
    }
    assert.ok(tookMs <= limitMs, `${tookMs} ms`);
  });

  await t.test('one that ends as soon as it starts is given up after ten starts', async () => {
    writeFileSync(`${root}${DEFAULTS}`, 'ARGS="--web.listen-address=nowhere"\n');
    await host.inside('systemctl', 'reset-failed', COUNTING);
    await host.inside('systemctl', 'restart', COUNTING).catch(() => undefined);
    const shown = (name: string) => host.inside('systemctl', 'show', `--property=${name}`, '--value', COUNTING);
    await until(async () => (await shown('ActiveState')) === 'failed\n');
    assert.equal(await shown('ActiveState'), 'failed\n');
    assert.equal(await shown('NRestarts'), '10\n');
    writeFileSync(`${root}${DEFAULTS}`, 'ARGS=""\n');
    await host.inside('systemctl', 'reset-failed', COUNTING);
    await host.inside('systemctl', 'start', COUNTING);
    before = await pair(host, before.serving.pid);
  });

  await t.test('restarts are quiet: no process that serves is left over, none crashes', async () => {
    const since = (await host.inside('date', '+%F %T')).trim();
    await host.inside('systemctl', 'reset-failed', COUNTING); // it counts how often a unit is started
    for (const meanwhileMs of [0, 300]) {
      await host.inside('systemctl', 'restart', COUNTING);
      await wait(meanwhileMs);
      await host.inside('systemctl', 'restart', COUNTING);
      before = await pair(host, before.serving.pid);
    }
    const said = await host.inside('journalctl', '--no-pager', '--identifier=tapscope', `--since=${since}`);
    assert.doesNotMatch(said, /Error|crashed/);
    assert.equal((await pidsOf(host, SERVING)).length, 1);
  });

  await t.test('code of an intruder in the process that serves gets no further', async (t) => {
    const answers = await intrudeService(host, root);
    t.diagnostic(`${Object.keys(answers).length} attempts`);
    assert.deepEqual(succeeded(answers), []);
    assert.ok(Object.keys(answers).length >= FEWEST_ATTEMPTS);
    await host.inside('systemctl', 'restart', COUNTING);
    before = await pair(host, before.serving.pid);
  });

  await t.test('one that stands still ends with the agent', async () => {
    await host.inside('systemctl', 'kill', '--signal=STOP', SERVING);
    await host.inside('systemctl', 'reset-failed', COUNTING);
    await host.inside('systemctl', 'stop', COUNTING);
    // It is killed by then, and systemd may hear of its end a moment later.
    await until(async () => (await pidsOf(host, SERVING)).length === 0);
    assert.deepEqual(await pidsOf(host, SERVING), []);
    await host.inside('systemctl', 'start', COUNTING);
    await pair(host, before.serving.pid);
  });
}

/** Both processes, once they answer and the one that serves is not `old`. */
async function pair(host: BootedRoot, old?: number): Promise<Pair> {
  const from = performance.now();
  for (;;) {
    const [counting] = await pidsOf(host, COUNTING);
    const [serving] = (await pidsOf(host, SERVING)).filter((pid) => pid !== old);
    const answers = counting && serving && (await host.inside('tapscope', 'doctor').catch((error) => error.stdout));
    if (counting && serving && /An agent runs, pid/.test(String(answers)))
      return { counting: running(host, counting), serving: running(host, serving) };
    if (performance.now() - from > BACK_WITHIN_MS)
      assert.fail(await host.inside('journalctl', '--no-pager', '--lines=40', '--unit=tapscope*'));
    await wait(100);
  }
}

/** How long the unit was not active the last time, once it is: systemd's own times, for the commands of this test wait for the CPU too. */
async function recoveryMs(host: BootedRoot): Promise<number> {
  let tookMs = 0;
  await until(async () => {
    const words = ['ActiveExit', 'ActiveEnter'].map((name) => `--property=${name}TimestampMonotonic`);
    const said = await host.inside('systemctl', 'show', ...words, COUNTING);
    const [exit, enter] = ['Exit', 'Enter'].map((name) => Number(new RegExp(`Active${name}.*=(\\d+)`).exec(said)?.[1]));
    tookMs = (Number(enter) - Number(exit)) / 1000;
    return tookMs > 0;
  });
  assert.ok(tookMs > 0, 'the unit is not active again');
  return tookMs;
}

async function pidsOf(host: BootedRoot, unit: string): Promise<readonly number[]> {
  const said = await host.inside('systemctl', 'show', '--property=MainPID', '--value', unit).catch(() => '');
  return said.split('\n').map(Number).filter(Boolean);
}

/** The process as this machine sees it, read by way of the root's own /proc. */
function running(host: BootedRoot, pid: number): Running {
  return { pid, status: readFileSync(`/proc/${host.pid}/root/proc/${pid}/status`, 'utf8') };
}

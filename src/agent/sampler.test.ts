// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { until } from '../../test/host/until.ts';
import { goldenSnapshot } from '../../test/snapshots/golden-snapshot.ts';
import { Sampler } from './sampler.ts';

type Sampled = Parameters<Sampler['start']>[0];

/** Once a second, until the test has ended; what is not said does nothing. */
async function start(t: TestContext, sampler: Sampler, said: Partial<Sampled>): Promise<void> {
  t.after(() => sampler.stop());
  await sampler.start({
    interval: { seconds: 1, judgedEvery: 1, work: 1 },
    take: async () => goldenSnapshot,
    ask: () => undefined,
    refresh: async () => undefined,
    isPressed: false,
    sampleReaders: () => false,
    ...said,
  });
}

test('what fails with each snapshot keeps nothing from being refreshed, and the other way round', async (t) => {
  const done = { takes: 0, refreshes: 0, looks: 0 };
  const sampler = new Sampler(() => {
    done.takes += 1;
    if (done.takes > 1) throw new Error('a rule stumbled');
  });
  await start(t, sampler, {
    refresh: async () => {
      done.refreshes += 1;
      if (done.refreshes > 3) throw new Error('its owner is not known');
    },
    isPressed: true,
    sampleReaders: () => {
      done.looks += 1;
      return false;
    },
  });
  await until(() => done.refreshes >= 4 && done.takes >= 4 && done.looks >= 2);
  assert.ok(done.refreshes >= 4 && done.takes >= 4 && done.looks >= 2, JSON.stringify(done));
});

test('what fails each second in the same way is said once, and no reader is looked at while no queue is full', async (t) => {
  const lines = t.mock.method(process.stderr, 'write', () => true);
  let refreshes = 0;
  let looks = 0;
  const sampler = new Sampler();
  await start(t, sampler, {
    refresh: async () => {
      refreshes += 1;
      if (refreshes > 2) throw new Error('Too many open files');
    },
    sampleReaders: () => {
      looks += 1;
      return false;
    },
  });
  await until(() => refreshes >= 5);
  assert.equal(looks, 0);
  const said = lines.mock.calls.map(({ arguments: [line] }) => String(line)).join('');
  assert.match(
    said,
    /^tapscope: owners, budget and drivers could not be looked at \(Too many open files\)\. It is tried again each second; the log says it once a minute\.\n$/,
  );
});

test('what a question needs is read at once, and what is taken meanwhile waits for it', async (t) => {
  const seen: string[] = [];
  let looked = (): void => undefined;
  const looking = new Promise<void>((resolve) => {
    looked = resolve;
  });
  const sampler = new Sampler();
  await start(t, sampler, {
    interval: { seconds: 3600, judgedEvery: 1, work: 1 }, // no second comes
    take: async () => {
      seen.push('taken');
      return goldenSnapshot;
    },
    ask: () => seen.push('asked'),
    refresh: async () => {
      if (seen.includes('asked')) await looking;
      seen.push('read');
    },
  });
  seen.splice(0);
  sampler.ask();
  sampler.ask();
  const taken = sampler.take();
  await new Promise((resolve) => setTimeout(resolve, 50)); // it would be taken by now
  looked();
  await taken;
  assert.deepEqual(seen, ['asked', 'asked', 'read', 'taken']);
});

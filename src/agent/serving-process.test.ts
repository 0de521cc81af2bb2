// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// A process in place of the one that serves that ends again and again, or asks and reads nothing.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { until } from '../../test/host/until.ts';
import { withoutDescriptors } from '../../test/host/without-descriptors.ts';
import { goldenSnapshot } from '../../test/snapshots/golden-snapshot.ts';
import { packageRoot } from '../kernel/package.ts';
import type { Reach } from '../kernel/processes/native-processes.ts';
import { readableFiles } from '../kernel/processes/readable-files.ts';
import { ServingProcess } from './serving-process.ts';

/** What a process is sent before it is ended, and what is still to be sent, in this process's memory. */
const MOST_GROWN_BYTES = 24 * 2 ** 20;

const reachOf = (): Reach => ({ readable: readableFiles(packageRoot(), false), ports: { taken: [], connected: [] } });

/** `reach`: throws where this host lacks what a start needs. */
function played(t: TestContext, program: string, reach = reachOf) {
  const folder = join(packageRoot(), 'dist/test', `serving-${process.pid}`);
  mkdirSync(folder, { recursive: true });
  const file = join(folder, 'program.cjs');
  writeFileSync(file, program);
  const said: { readonly message: string; readonly ms: number }[] = [];
  const serving = new ServingProcess({
    file,
    reach,
    setup: () => ({}),
    takeSnapshot: async () => goldenSnapshot,
    ask: () => undefined,
    wake: () => undefined,
    begun: () => undefined,
    say: ({ message }) => said.push({ message, ms: performance.now() }),
  });
  t.after(async () => {
    await serving.stop();
    rmSync(folder, { recursive: true });
  });
  return { serving, said };
}

test('one that asks for signs of life and snapshots without end, and reads nothing, takes no memory and is ended', async (t) => {
  const { serving, said } = played(
    t,
    `const fs = require('node:fs');
    fs.writeSync(3, 'l');
    setInterval(() => { try { for (;;) fs.writeSync(3, 'ps'.repeat(500)); } catch {} }, 1);`,
  );
  await serving.start();
  const before = process.memoryUsage.rss();
  let grown = 0;
  for (let sample = 0; sample < 1000 && said.length === 0; sample += 1) {
    serving.see({ ...goldenSnapshot, takenAt: goldenSnapshot.takenAt + sample });
    await wait(20);
    grown = Math.max(grown, process.memoryUsage.rss() - before);
  }
  assert.equal(said[0]?.message, 'The process that answers requests reads nothing any more, and is ended.');
  t.diagnostic(`${Math.round(grown / 2 ** 20)} MiB more`);
  assert.ok(grown < MOST_GROWN_BYTES, `${grown} bytes`);
  await until(() => said.length > 1);
  assert.match(said[1]?.message ?? '', /ended \(signal SIGKILL\) and is started again/);
});

test('one that ends again and again is started again at once, then after 1 s, 2 s', async (t) => {
  const { serving, said } = played(t, `require('node:fs').writeSync(3, 'l'); setTimeout(() => process.exit(4), 50);`);
  await serving.start();
  await until(() => said.length === 3);
  assert.deepEqual(
    said.map(({ message }) => / is started again(.*); its history/.exec(message)?.[1]),
    ['', ' in 1 s', ' in 2 s'],
  );
  const [first, second, third] = said.map(({ ms }) => ms);
  assert.ok((third ?? 0) - (second ?? 0) >= 1000 && (second ?? 0) > (first ?? 0));
  // While it waits, a service manager is not told that nothing serves.
  await serving.serves();
});

test('one that cannot be started again is tried after 1 s, 2 s; this process goes on', async (t) => {
  let starts = 0;
  const { serving, said } = played(
    t,
    `require('node:fs').writeSync(3, 'l'); setTimeout(() => process.exit(4), 50);`,
    () => {
      starts += 1;
      if (starts === 2 || starts === 3) throw new Error('no descriptor is left');
      return reachOf();
    },
  );
  await serving.start();
  await until(() => said.length === 4);
  assert.deepEqual(
    said.map(({ message }) => message.replace(/^The process that answers requests /, '')),
    [
      'ended (exit code 4) and is started again; its history begins anew.',
      'cannot be started (no descriptor is left); next try in 1 s.',
      'cannot be started (no descriptor is left); next try in 2 s.',
      'ended (exit code 4) and is started again in 4 s; its history begins anew.',
    ],
  );
});

test('without a descriptor left, samples are sent all the same', async (t) => {
  const { serving, said } = played(
    t,
    `const fs = require('node:fs');
    fs.writeSync(3, 'l');
    let text = '';
    const channel = new (require('node:net').Socket)({ fd: 3 });
    channel.on('data', (data) => {
      text += data;
      // What must not be sent, and is told: the sample has come as a whole.
      if (text.includes('"takenAt":4711')) channel.write('!');
    });`,
  );
  await serving.start();
  withoutDescriptors(() => {
    assert.throws(() => readFileSync('/proc/self/stat'), /EMFILE/);
    serving.see({ ...goldenSnapshot, takenAt: 4711 });
  });
  await until(() => said.length > 0);
  assert.match(said[0]?.message ?? '', /sent what it must not send/);
});

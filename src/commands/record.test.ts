// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// An agent that ends while `record` writes: what was seen until then is kept.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, lstatSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { temporaryFolder } from '../../test/agent/certificates.ts';
import { startLocalApi } from '../../test/agent/local-api.ts';
import { tapscope } from '../../test/agent/serve-process.ts';
import { goldenSnapshot } from '../../test/snapshots/golden-snapshot.ts';
import { createObserver } from '../server/observer.ts';
import { readRecording } from './recording.ts';
import { thisHost } from './version.ts';

/** The API of an agent, which ends after `answers` answers. */
async function agentOf(t: TestContext, answers: number): Promise<string> {
  const path = join(temporaryFolder(t), 'agent.sock');
  let given = 0;
  const takeSnapshot = async () => {
    given += 1;
    if (given === answers) void wait(100).then(() => api.close());
    return { ...goldenSnapshot, takenAt: goldenSnapshot.takenAt + given };
  };
  const api = await startLocalApi(path, { observer: createObserver(), takeSnapshot, host: thisHost() });
  t.after(() => api.close());
  return path;
}

test('an agent that is gone at the end of a recording takes nothing along', async (t) => {
  const socket = await agentOf(t, 3);
  const file = `${socket}.rec`;
  const { code, stdout, stderr } = await tapscope(['record', '--for=5', '-o', file, `--socket=${socket}`]);
  assert.equal(code, 1);
  assert.match(stdout, /: 3 snapshots, /);
  assert.match(
    stderr,
    /^tapscope: the end is missing: No agent listens on .*\.\ntapscope: looks that failed meanwhile, one a second: [1-3]\.\n$/,
  );
  assert.equal((await readRecording(file)).snapshots.length, 3);
});

test('of one that was gone at once there is nothing to keep', async (t) => {
  const socket = await agentOf(t, 1);
  const file = `${socket}.rec`;
  const { code, stdout, stderr } = await tapscope(['record', '--for=2', '-o', file, `--socket=${socket}`]);
  assert.deepEqual([code, stdout, existsSync(file)], [1, '', false]);
  assert.match(stderr, /^tapscope: No agent listens on .*\n$/);
});

test('a recording takes no place but that of a file', async (t) => {
  const folder = temporaryFolder(t);
  const pipe = join(folder, 'pipe');
  const link = join(folder, 'link');
  const target = join(folder, 'target');
  execFileSync('mkfifo', [pipe]);
  symlinkSync(target, link);
  writeFileSync(target, 'an older one');
  for (const [file, words] of [
    [pipe, / is a device, pipe or socket; name a file\.\n$/],
    [folder, / is a folder; name a file in it\.\n$/],
    ['-', /^tapscope: A recording does not go to standard output; name a file\.\n$/],
  ] as const) {
    const { code, stderr } = await tapscope(['record', '--for=2', '-o', file]);
    assert.equal(code, 1);
    assert.match(stderr, words);
  }
  const socket = await agentOf(t, 9);
  assert.equal((await tapscope(['record', '--for=2', '-o', link, `--socket=${socket}`])).code, 0);
  assert.ok(lstatSync(link).isSymbolicLink() && lstatSync(pipe).isFIFO());
  assert.ok((await readRecording(target)).snapshots.length > 1);
  assert.deepEqual(readdirSync(folder).sort(), ['link', 'pipe', 'target']);
});

// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// What may stand in place of a file that an operator names: each gets a sentence, at once, and what was read before stays.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { slowness } from '../test/host/slowness.ts';
import { until } from '../test/host/until.ts';
import { readRecording } from './commands/recording.ts';
import { Tenants } from './inventory/tenants.ts';
import { readOperatorFile, readOperatorFileAtStart } from './operator-file.ts';
import { otlpEndpoint } from './server/otlp/otlp-endpoint.ts';
import { openWebConfig } from './server/web-config/file.ts';
import type { Identity } from './snapshot/owner.ts';

const WITHIN_MS = 500;

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'tapscope-files-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** In the place of a file: the path, and what is said. */
function stands(folder: string): Readonly<Record<string, readonly [path: string, said: RegExp]>> {
  const at = (name: string): string => join(folder, name);
  execFileSync('mkfifo', [at('pipe')]);
  writeFileSync(at('sparse'), '');
  truncateSync(at('sparse'), 4 * 2 ** 30);
  symlinkSync(at('loop'), at('loop'));
  return {
    'a pipe without a writer': [at('pipe'), /it is a pipe, not a regular file/],
    '/dev/zero': ['/dev/zero', /it is a device, not a regular file/],
    'a file of 4 GiB': [at('sparse'), /it is longer than \d+ MiB/],
    'a folder': [folder, /it is a folder, not a regular file/],
    'a loop of links': [at('loop'), /ELOOP: too many symbolic links encountered/],
    nothing: [at('nothing'), /ENOENT: no such file or directory/],
  };
}

async function inTime(work: () => unknown): Promise<void> {
  const began = performance.now();
  await work();
  const took = performance.now() - began;
  if (took > WITHIN_MS) assert.ok(took < WITHIN_MS * (await slowness()), `it took ${took} ms`);
}

test('what is no file is said at once, by each reader', async (t) => {
  for (const [name, [path, said]] of Object.entries(stands(folderOf(t)))) {
    t.diagnostic(name);
    await inTime(() => assert.rejects(readOperatorFile(path), said));
    await inTime(() => assert.throws(() => readOperatorFileAtStart(path), said));
    await inTime(() => assert.rejects(readRecording(path), said));
    await inTime(() => assert.rejects(openWebConfig(path), said));
    assert.throws(() => new Tenants(path), said);
    assert.throws(() => otlpEndpoint({ url: 'https://collector', headers: [`@${path}`], caFile: undefined }), said);
    assert.throws(() => otlpEndpoint({ url: 'https://collector', headers: [], caFile: path }), said);
  }
});

test('a file of /proc, which says no length, is read, and one that never ends is not', async () => {
  assert.match(await readOperatorFile('/proc/self/status'), /^Name:/);
  assert.match(readOperatorFileAtStart('/proc/self/status'), /^Name:/);
});

test('a web config whose place something else takes, or whose certificate does, stays as it was', async (t) => {
  const folder = folderOf(t);
  const file = join(folder, 'web.yml');
  const config = (burst: number): string => `rate_limit: {interval: 1s, burst: ${burst}}\n`;
  writeFileSync(file, config(7));
  const web = await openWebConfig(file);
  t.after(() => web.close());
  const refused: string[] = [];
  web.watch({ changed: () => undefined, refused: (sentence) => refused.push(sentence) });
  execFileSync('mkfifo', [join(folder, 'pipe')]);
  renameSync(join(folder, 'pipe'), file);
  await until(() => refused.length === 1);
  writeFileSync(join(folder, 'next'), `${config(8)}tls_server_config: {cert_file: /dev/zero, key_file: /dev/zero}\n`);
  renameSync(join(folder, 'next'), file);
  await until(() => refused.length === 2);
  assert.match(
    refused[0] ?? '',
    /web\.yml: it is a pipe, not a regular file\. What was configured before stays in use\.$/,
  );
  assert.match(
    refused[1] ?? '',
    /tls_server_config\.cert_file: \/dev\/zero cannot be read \(it is a device, not a regular file\)\. What/,
  );
  assert.equal(web.current().rate.burst, 7);
  writeFileSync(join(folder, 'next'), config(9));
  renameSync(join(folder, 'next'), file);
  await until(() => web.current().rate.burst === 9);
  assert.equal(web.current().rate.burst, 9);
});

test('a tenant map whose place a pipe takes stays as it was', async (t) => {
  const folder = folderOf(t);
  const file = join(folder, 'map');
  writeFileSync(file, 'vm web1 acme\n');
  const said: string[] = [];
  const tenants = new Tenants(file, ({ message }) => said.push(message), folder);
  execFileSync('mkfifo', [join(folder, 'pipe')]);
  renameSync(join(folder, 'pipe'), file);
  await inTime(() => tenants.refresh());
  assert.deepEqual(said, [`--tenant-map=${file} cannot be read (it is a pipe, not a regular file).`]);
  const guest: Identity = { program: 'qemu', vm: 'web1', uuid: '', runtime: '', container: '', pod: '', unit: '' };
  assert.equal(await tenants.of(guest), 'acme');
});

// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import { goldenSnapshot } from '../../test/snapshots/golden-snapshot.ts';
import { snapshotLine } from '../snapshot/json.ts';
import { type RecordingHeader, RecordingWriter, readRecording } from './recording.ts';

const HEADER: RecordingHeader = {
  format: 'tapscope recording',
  schema: 1,
  version: '0.1.0',
  kernel: '6.1.0',
  node: '20.19.0',
  cpus: 2,
  recordedAt: 1_795_000_000,
  addresses: false,
  flags: [],
  sysctls: { 'net.core.default_qdisc': 'fq' },
};

function folder(t: TestContext): string {
  const made = mkdtempSync(join(tmpdir(), 'tapscope-recording-'));
  t.after(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

async function written(file: string, header = HEADER): Promise<Buffer> {
  const writer = await RecordingWriter.create(file, header);
  for (let second = 0; second < 20; second++)
    writer.add(snapshotLine({ ...goldenSnapshot, takenAt: goldenSnapshot.takenAt + second }));
  assert.equal(await writer.finish(), 20);
  await writer.abandon();
  return readFileSync(file);
}

test('what was written is read; only its owner may; nothing lies beside it', async (t) => {
  const at = folder(t);
  const file = join(at, 'one.rec');
  await written(file);
  const { header, snapshots } = await readRecording(file);
  assert.deepEqual(header, HEADER);
  assert.deepEqual([snapshots.length, snapshots[19]?.takenAt], [20, goldenSnapshot.takenAt + 19]);
  assert.deepEqual([readdirSync(at), statSync(file).mode & 0o777], [['one.rec'], 0o600]);
});

test('one that was given up leaves the old file as it is, and nothing else', async (t) => {
  const at = folder(t);
  const file = join(at, 'one.rec');
  const before = await written(file);
  const writer = await RecordingWriter.create(file, HEADER);
  writer.add(snapshotLine(goldenSnapshot));
  await writer.abandon();
  assert.deepEqual([readdirSync(at), readFileSync(file)], [['one.rec'], before]);
});

test('wherever a file is cut off, that is one sentence', async (t) => {
  const file = join(folder(t), 'one.rec');
  const whole = await written(file);
  for (let length = 1; length < whole.length; length += 37) {
    writeFileSync(file, whole.subarray(0, length));
    await assert.rejects(readRecording(file), /^Error: \S+one\.rec is cut off or damaged after \d+ snapshots; .*\.$/);
  }
  const text = gunzipSync(whole).toString();
  writeFileSync(file, gzipSync(text.slice(0, text.lastIndexOf('{"snapshots"'))));
  await assert.rejects(readRecording(file), /is cut off after 20 snapshots/);
});

test('foreign files and other schemas are one sentence', async (t) => {
  const file = join(folder(t), 'one.rec');
  for (const content of [
    Buffer.from(''),
    Buffer.from('hello\n'),
    gzipSync('hello\n'),
    gzipSync('{"format":1}\n'),
    gzipSync(''),
  ]) {
    writeFileSync(file, content);
    await assert.rejects(readRecording(file), /^Error: \S+one\.rec is (not a recording of tapscope|cut off)[^\n]*\.$/);
  }
  await written(file, { ...HEADER, schema: 2, version: '9.0.0' });
  await assert.rejects(
    readRecording(file),
    /one\.rec was made by tapscope 9\.0\.0, whose recordings \(schema 2\) this one does not know \(schema 1\); report with that version\.$/,
  );
  await assert.rejects(readRecording(join(file, 'x')), /cannot be read \(ENOTDIR: not a directory\)\.$/);
  await assert.rejects(
    RecordingWriter.create(join(file, 'x'), HEADER),
    /cannot be written \(ENOTDIR: not a directory\)\.$/,
  );
  await assert.rejects(RecordingWriter.create(tmpdir(), HEADER), /is a folder; name a file in it\.$/);
});

test('a line of brackets is refused before a parser makes objects of it', async (t) => {
  const file = join(folder(t), 'deep');
  const deep = '['.repeat(16 * 2 ** 20);
  for (const lines of [
    deep,
    `${JSON.stringify(HEADER)}\n{"devices":${deep}`,
    `${JSON.stringify(HEADER)}\n{"a":"\\"","b":${deep}`,
  ]) {
    writeFileSync(file, gzipSync(lines));
    const before = process.memoryUsage.rss();
    await assert.rejects(readRecording(file), /^Error: [^\n]{1,400}$/);
    assert.ok(process.memoryUsage.rss() - before < 200 * 2 ** 20);
  }
});

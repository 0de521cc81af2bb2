// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// Recordings come from elsewhere. A damaged one gives a report of bounded length that drives no terminal, or one sentence.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import { array, constantFrom, integer, oneof, record } from 'fast-check';
import { alteredJson, damaged } from '../../test/fuzz/damage.ts';
import { anyText } from '../../test/fuzz/hostile-text.ts';
import { assertSentence, holdsInTime } from '../../test/fuzz/property.ts';
import { goldenSnapshot } from '../../test/snapshots/golden-snapshot.ts';
import { renderVerdict } from '../outputs/verdict.ts';
import { snapshotToJson } from '../snapshot/json.ts';
import { escapedJson } from '../snapshot/visible.ts';
import { type Recording, readRecording } from './recording.ts';
import { judgeRecording, unlessDamaged } from './report.ts';
import { jsonOf } from './run-diagnosis.ts';

const folder = mkdtempSync(join(tmpdir(), 'tapscope-fuzz-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const file = join(folder, 'one.rec');

const recorded = readFileSync('test/recorded/linux-6.1.rec');
const [header = '', ...lines] = gunzipSync(recorded).toString().trimEnd().split('\n');
const [first = '', second = ''] = lines;
/** The snapshot has a queue that lost packets, so that the rules have much to say. */
const golden = { ...snapshotToJson(goldenSnapshot), takenAt: 1_795_000_000 };

const LONGEST_REPORT = 200_000;
const LAYOUT = { width: 80, colours: false };

/** Reads the bytes as `tapscope report` does, both with --json and without. */
async function reported(
  bytes: Uint8Array,
  room?: { readonly all: number; readonly line: number },
): Promise<Recording | undefined> {
  writeFileSync(file, bytes);
  try {
    const recording = await readRecording(file, room);
    unlessDamaged(file, () => {
      const judged = judgeRecording(recording, {});
      const text = renderVerdict(judged, LAYOUT);
      assert.ok(text.length < LONGEST_REPORT, `${text.length} characters`);
      assert.doesNotMatch(text, /(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u);
      // A name that was cut out of the text is shown as undefined; what stands there is never of another kind.
      assert.doesNotMatch(text, /\[object /);
      const json = escapedJson(JSON.stringify(jsonOf(judged)));
      assert.doesNotMatch(json, /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
    });
    return recording;
  } catch (error) {
    assertSentence(error);
    return undefined;
  }
}

const packed = (...all: readonly string[]): Uint8Array => gzipSync(`${all.join('\n')}\n`, { level: 1 });
const ended = (...snapshots: readonly string[]): Uint8Array =>
  packed(header, ...snapshots, `{"snapshots":${snapshots.length}}`);

holdsInTime('a file whose bytes are damaged', damaged(recorded), async (bytes) => void (await reported(bytes)), {
  runs: 200,
});

holdsInTime(
  'a file whose text is damaged',
  damaged(Buffer.from(`${[header, first, second].join('\n')}\n{"snapshots":2}\n`)),
  async (bytes) => void (await reported(gzipSync(bytes, { level: 1 }))),
  { runs: 200 },
);

holdsInTime(
  'a file of lines that belong elsewhere',
  array(
    oneof(
      constantFrom(header, first, second, '{"snapshots":2}', '{"snapshots":1}', '', '{}', 'null', '[]', '0'),
      anyText(),
    ),
    { maxLength: 6 },
  ),
  async (some) => void (await reported(packed(...some))),
  { runs: 200 },
);

holdsInTime(
  'a snapshot in which values are others, or gone',
  record({ altered: alteredJson(golden), place: constantFrom(0, 1, 2) }),
  async ({ altered, place }) => {
    const three = [0, 1, 4].map((later) => JSON.stringify({ ...golden, takenAt: golden.takenAt + later }));
    three[place] = altered;
    await reported(ended(...three));
  },
  { runs: 400 },
);

holdsInTime(
  'a header in which values are others, or gone',
  alteredJson(JSON.parse(header)),
  async (altered) => {
    await reported(packed(altered, first, second, '{"snapshots":2}'));
  },
  { runs: 200 },
);

const line = (at: number): string => JSON.stringify({ ...golden, takenAt: golden.takenAt + at });

holdsInTime(
  'a recording that is too long for its room is judged from its first to its last snapshot, and says how many it left out',
  record({ count: integer({ min: 2, max: 40 }), fit: integer({ min: 1, max: 45 }) }),
  async ({ count, fit }) => {
    const recording = await reported(ended(...Array.from({ length: count }, (_, at) => line(at))), {
      all: fit * line(0).length,
      line: 1e6,
    });
    assert.ok(recording);
    const times = recording.snapshots.map(({ takenAt }) => takenAt - golden.takenAt);
    assert.deepEqual([times[0], times.at(-1), times.length + recording.unread], [0, count - 1, count]);
    assert.ok(times.length <= Math.max(4, fit + 1), `${times.length} are kept`);
    if (fit >= count) assert.equal(recording.unread, 0);
  },
  {
    runs: 60,
    examples: [
      { count: 4, fit: 3 },
      { count: 5, fit: 3 },
    ],
  },
);

/** The file consists of members of gzip, so that its text is never in memory as a whole. */
const unending = (megabytes: number): Uint8Array => {
  const more = gzipSync(Buffer.alloc(1e6, 'x'));
  return Buffer.concat([gzipSync(`${header}\n{"a":"`), ...Array.from({ length: megabytes }, () => more)]);
};

test('a line that never ends is refused when it is longer than any of ours, in time that grows as it does', async () => {
  const cpuMs = async (megabytes: number): Promise<number> => {
    const before = process.cpuUsage();
    assert.equal(await reported(unending(megabytes)), undefined);
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000;
  };
  await cpuMs(1);
  const [short, long] = [await cpuMs(4), await cpuMs(32)];
  assert.ok(long < 30 * Math.max(short, 4), `${short} ms for 4 MB, ${long} ms for 32 MB`);
  const before = process.memoryUsage().rss;
  await cpuMs(1000);
  const grownMb = (process.memoryUsage().rss - before) / 1e6;
  assert.ok(grownMb < 300, `${grownMb} MB`);
});

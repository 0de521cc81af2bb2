// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// Effects of clients on the log: of the stream itself, and of a real server that gets bad requests.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask, serveEndpoint } from '../../test/agent/endpoint.ts';
import { heardLog } from '../../test/agent/heard-log.ts';
import { parseJson, textAt } from '../../test/host/checked-json.ts';
import { createLog } from './agent-log.ts';
import { type LogFormat, logFormats, logLine } from './log-format.ts';

function clocked() {
  const lines: string[] = [];
  const clock = { ms: 0 };
  const log = heardLog(
    {},
    (line) => lines.push(line),
    () => clock.ms,
  );
  return { lines, clock, log, write: (msg: string, more: object = {}) => log.logger.warn(more, msg) };
}

test('a hundred lines at once, then one a second, and how many are missing', () => {
  const { lines, clock, write } = clocked();
  for (let number = 0; number < 10_000; number += 1) write(`line ${number}`);
  assert.equal(lines.length, 100);
  clock.ms += 1000;
  write('later');
  assert.match(lines[100] ?? '', /"msg":"9900 lines were left out of this log: /);
  assert.match(lines[101] ?? '', /"msg":"later"/);
  for (let second = 0; second < 3600; second += 1) {
    clock.ms += 1000;
    for (let number = 0; number < 5; number += 1) write('again');
  }
  assert.ok(lines.length <= 102 + 2 * 3600, `${lines.length} lines`);
});

test('a line has a most length and stays JSON, with any content', () => {
  const { lines, write } = clocked();
  write('x'.repeat(50_000));
  write('many', { err: { stack: 'y'.repeat(50_000) }, req: { url: '\u202e\u001b'.repeat(5000) } });
  write('more', Object.fromEntries(Array.from({ length: 500 }, (_, key) => [`key${key}`, 'z'.repeat(100)])));
  for (const line of lines) {
    assert.ok(line.length <= 2100 && line.endsWith('}\n'), `${line.length}`);
    assert.ok(textAt(parseJson(line), 'msg').length > 0);
  }
});

test('a field cannot stand in for time, level or msg, and the last line says all that 8 KiB hold', () => {
  const { lines, log } = clocked();
  log.logger.error({ time: 'never', level: 'INFO', process: 'other', err: { type: 'a b' } }, 'ill');
  assert.match(lines[0] ?? '', /^\{"time":"\d{4}-[^"]*","level":"ERROR","msg":"ill","err":\{"type":"a b"\}\}\n$/);
  const entry = {
    time: '1970-01-01T00:00:00.000Z',
    level: 'ERROR',
    process: 'serving',
    msg: 'ill',
    err: { type: 'a b' },
  };
  const line = (one: object, format: LogFormat, isLast = false) => logLine(JSON.stringify(one), format, isLast);
  assert.deepEqual(parseJson(line(entry, 'json')), entry);
  assert.match(
    line(entry, 'logfmt'),
    /^time=1970-01-01T00:00:00\.000Z level=ERROR process=serving msg=ill .*err\.type="a b"\n$/,
  );
  for (const format of logFormats) {
    const long = { ...entry, msg: '\u009b'.repeat(9000) };
    assert.ok(line(long, format).length <= 2049 && line(long, format, true).length <= 8193);
    assert.ok(line({ ...entry, msg: 'x'.repeat(7000) }, format, true).includes('x'.repeat(7000)));
  }
});

test('what is said last comes after how many lines are missing, at every level', () => {
  const { lines, log } = clocked();
  for (let number = 0; number < 102; number += 1) log.say('warn', 'again');
  log.say('info', 'unheard');
  log.sayLast('end');
  assert.deepEqual(
    lines.slice(99).map((line) => textAt(parseJson(line), 'msg').split(' were')[0]),
    ['again', '2 lines', 'end'],
  );
});

test('an output without room costs lines, which are counted and told there once there is room', () => {
  const lines: string[] = [];
  let room = 2;
  let roomed = (): void => undefined;
  const stderr = {
    write: (line: string) => {
      if (room === 0) return false;
      room -= 1;
      lines.push(line);
      return true;
    },
    whenRoom: (call: () => void) => {
      roomed = call;
    },
  };
  const log = createLog({ format: 'text', level: 'warn' }, { stdout: stderr, stderr });
  for (const word of ['one', 'two', 'three', 'four']) log.say('warn', word);
  room = 10;
  log.say('warn', 'five');
  assert.equal(log.dropped(), 3);
  roomed();
  log.say('warn', 'six');
  assert.deepEqual(lines, [
    'tapscope: one\n',
    'tapscope: two\n',
    'tapscope: 3 lines were dropped here: they were not read in time, or the disk was full.\n',
    'tapscope: six\n',
  ]);
  assert.equal(log.dropped(), 3);
});

test('control characters of C1 and of direction are escaped', () => {
  const { lines, write } = clocked();
  write('a\u001b[2J\u009b2J\u202eb\u2028\u{e0041}');
  assert.doesNotMatch(lines[0]?.trimEnd() ?? '', /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
  assert.equal(textAt(parseJson(lines[0] ?? ''), 'msg'), 'a\u001b[2J\u009b2J\u202eb\u2028\u{e0041}');
});

test('what a client did wrong is not in the log at all, what failed here is, in short', async (t) => {
  const lines: string[] = [];
  const takeSnapshot = () => Promise.reject(new Error(`the walk derailed ${'!'.repeat(5000)}`));
  const endpoint = await serveEndpoint(t, { dependencies: { takeSnapshot }, log: (line) => lines.push(line) });
  for (const path of [
    '/nothing',
    '/%zz',
    '/api/v1/findings',
    '/api/v1/findings?at=1',
    `/api/v1/findings?at=${'9'.repeat(400)}`,
    '/api/v1/queues?at=-1',
    '/api/v1/window?seconds=1e9',
    '/api/v1/queues/1/%1b%5b2J/0/history',
    `/${'x'.repeat(10_000)}`,
  ]) {
    const { status, body } = await ask(endpoint, path);
    assert.ok(status >= 400 && status < 500, `${path.slice(0, 100)}: ${status} ${body}`);
    assert.match(body, /^[A-Z][^\n]{1,400}\n$/);
    assert.ok(!body.includes('\u001b'));
  }
  assert.equal((await ask(endpoint, '/metrics', { method: 'POST' })).status, 405);
  assert.deepEqual(lines, []);
  assert.equal((await ask(endpoint, '/api/v1/snapshot')).status, 500);
  assert.equal(lines.length, 1);
  assert.ok((lines[0] ?? '').length <= 2100);
});

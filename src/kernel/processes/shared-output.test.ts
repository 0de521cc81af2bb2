// SPDX-License-Identifier: Apache-2.0
// Needs: python3.
// A log that nobody reads, of every kind that a process may find at its start: it goes on, and says later what is missing.
import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, mkdtempSync, openSync, readFileSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { type TestContext, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import type { LogReport } from '../../../test/agent/log-writer.ts';
import { run } from '../../../test/host/run.ts';
import { slowness } from '../../../test/host/slowness.ts';
import { TERMINAL, unreadEnd } from '../../../test/host/unread-end.ts';
import { errnoOf } from '../error-name.ts';

const WRITER = join(import.meta.dirname, '../../../test/agent/log-writer.ts');
const LINES = 300;
/** A pause that a busy machine makes by itself. */
const STALL_MS = 400;

interface Unread {
  /** For the writer: a descriptor, or a pipe of Node's, which is a socket. */
  readonly stderr: number | 'pipe';
  /** Reads what there is until the writer ends. */
  readonly read: (writer: ChildProcess) => AsyncIterable<Buffer>;
}

const outputs: Readonly<Record<string, (t: TestContext) => Promise<Unread>>> = {
  pipe: async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'tapscope-log-'));
    t.after(() => rmSync(folder, { recursive: true }));
    const path = join(folder, 'pipe');
    await run('mkfifo', [path]);
    const reader = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
    t.after(() => closeSync(reader));
    return { stderr: openSync(path, 'w'), read: (writer) => readPipe(reader, writer) };
  },
  socket: async () => ({ stderr: 'pipe', read: ({ stderr }) => stderr ?? assert.fail('no pipe') }),
  terminal: async (t) => {
    const terminal = await unreadEnd(t, TERMINAL);
    return {
      stderr: openSync(terminal.path, constants.O_WRONLY | constants.O_NOCTTY),
      read: (writer) => {
        terminal.ask();
        writer.once('exit', () => void wait(500).then(terminal.kill));
        return terminal.heard;
      },
    };
  },
};

async function* readPipe(reader: number, writer: ChildProcess): AsyncIterable<Buffer> {
  const bytes = Buffer.alloc(65536);
  for (;;) {
    const hasEnded = writer.exitCode !== null;
    try {
      yield Buffer.from(bytes.subarray(0, readSync(reader, bytes)));
    } catch (error) {
      if (errnoOf(error) !== 'EAGAIN') throw error;
      if (hasEnded) return;
      await wait(5);
    }
  }
}

/** It has logged all its lines. */
async function write(t: TestContext, stderr: number | 'pipe'): Promise<{ writer: ChildProcess; report: LogReport }> {
  const writer = fork(WRITER, [String(LINES)], {
    stdio: ['ignore', 'ignore', stderr, 'ipc'],
    execArgv: ['--import', 'tsx'],
  });
  t.after(() => writer.kill('SIGKILL'));
  const [report] = await once(writer, 'message');
  return { writer, report };
}

for (const [kind, open] of Object.entries(outputs))
  test(`a ${kind} that nobody reads stops nothing, and has the rest and how much is missing once it is read`, async (t) => {
    const { stderr, read } = await open(t);
    const { writer, report } = await write(t, stderr);
    t.diagnostic(JSON.stringify(report));
    assert.ok(report.stalledMs < STALL_MS * (await slowness()), `stalled for ${report.stalledMs} ms`);
    assert.ok(report.dropped > 0);
    const heard: string[] = [];
    for await (const line of createInterface({ input: Readable.from(read(writer)) })) {
      const { msg } = JSON.parse(line);
      heard.push(msg.split(' ', 1)[0]);
      if (msg.includes('were dropped here')) writer.send('end');
    }
    const missing = LINES - (heard.length - 2);
    assert.deepEqual(heard, [
      ...Array.from({ length: LINES - missing }, (_, line) => String(line)),
      String(missing),
      'end',
    ]);
    assert.equal(report.dropped, missing);
  });

const broken: Readonly<Record<string, () => Promise<number>>> = {
  'a full disk': async () => openSync('/dev/full', 'w'),
  'a pipe whose reader has ended': async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tapscope-log-'));
    const path = join(folder, 'pipe');
    await run('mkfifo', [path]);
    const reader = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
    const writer = openSync(path, 'w');
    closeSync(reader);
    rmSync(folder, { recursive: true });
    return writer;
  },
};

for (const [kind, open] of Object.entries(broken))
  test(`${kind} costs lines and nothing else`, async (t) => {
    const { writer, report } = await write(t, await open());
    t.diagnostic(JSON.stringify(report));
    assert.ok(report.stalledMs < STALL_MS * (await slowness()), `stalled for ${report.stalledMs} ms`);
    // What waits for the disk is not lost yet.
    assert.ok(report.dropped >= LINES - 64 && report.dropped < LINES, `${report.dropped}`);
    writer.send('end');
    assert.deepEqual(await once(writer, 'exit'), [0, null]);
  });

test('a file has every line, behind what others wrote to it', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tapscope-log-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'log');
  const file = openSync(path, 'w');
  writeSync(file, '{"msg":"before"}\n');
  const { writer, report } = await write(t, file);
  writer.send('end');
  await once(writer, 'exit');
  assert.equal(report.dropped, 0);
  const heard = readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line).msg.split(' ', 1)[0]);
  assert.deepEqual(heard, ['before', ...Array.from({ length: LINES }, (_, line) => String(line)), 'end']);
});

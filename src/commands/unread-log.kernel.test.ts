// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel, python3.
// An agent as built whose log nobody reads: it counts, and answers, as if it were read.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, readFileSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { startAgent } from '../../test/agent/serve-process.ts';
import { namespaceLab, noLab } from '../../test/host/netns.ts';
import { run } from '../../test/host/run.ts';
import { TERMINAL, type UnreadEnd, unreadEnd } from '../../test/host/unread-end.ts';
import { until } from '../../test/host/until.ts';
import { errnoOf } from '../kernel/error-name.ts';
import { connectUnix } from '../kernel/processes/native-processes.ts';

/** Writes until it takes no more. */
function fill(pipe: number): void {
  try {
    for (;;) writeSync(pipe, Buffer.alloc(4096, '.'));
  } catch (error) {
    assert.equal(errnoOf(error), 'EAGAIN');
  }
}

/** What there is to read now. */
function readPipe(pipe: number): string {
  const bytes = Buffer.alloc(2 ** 20);
  try {
    return bytes.toString('utf8', 0, readSync(pipe, bytes)) + readPipe(pipe);
  } catch (error) {
    assert.equal(errnoOf(error), 'EAGAIN');
    return '';
  }
}

/** A log that takes no more. */
interface Unread {
  /** For the agent. */
  readonly output: number;
  /** What has come since it was read last, without the filling. */
  readonly read: () => string;
}

async function fullPipe(t: TestContext): Promise<Unread> {
  const path = join(folderOf(t), 'pipe');
  await run('mkfifo', [path]);
  const [pipe, output] = [openSync(path, constants.O_RDWR | constants.O_NONBLOCK), openSync(path, 'w')];
  t.after(() => [pipe, output].map((descriptor) => closeSync(descriptor)));
  fill(pipe);
  return { output, read: () => readPipe(pipe).replace(/^\.+/, '') };
}

/** What systemd gives a unit, to a journald that stands still. */
const SOCKET = `
import os, socket, sys
listening = socket.socket(socket.AF_UNIX)
listening.bind(sys.argv[1])
listening.listen()
print(sys.argv[1], flush=True)
ours = listening.accept()[0].detach()
`;
/** What has come since it was read last, without the filling. */
function readerOf({ heard, ask }: UnreadEnd): () => string {
  let [text, isAsked] = ['', false];
  return () => {
    if (!isAsked) {
      isAsked = true;
      heard.on('data', (data) => {
        text += data;
      });
      ask();
    }
    const now = text.replace(/^\.+/, '');
    text = '';
    return now;
  };
}

async function stoppedTerminal(t: TestContext): Promise<Unread> {
  const end = await unreadEnd(t, TERMINAL);
  const flags = constants.O_WRONLY | constants.O_NOCTTY;
  const [filling, output] = [openSync(end.path, flags | constants.O_NONBLOCK), openSync(end.path, flags)];
  t.after(() => [filling, output].map((descriptor) => closeSync(descriptor)));
  fill(filling);
  return { output, read: readerOf(end) };
}

async function standingJournal(t: TestContext): Promise<Unread> {
  const end = await unreadEnd(t, SOCKET, join(folderOf(t), 'socket'));
  const output = connectUnix(end.path);
  t.after(() => closeSync(output));
  fill(output);
  // It blocks from here on, as journald's does: so Node hands descriptors on.
  spawnSync('true', { stdio: ['ignore', output, 'ignore'] });
  return { output, read: readerOf(end) };
}

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'tapscope-log-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

const LOGS = {
  'a full pipe': fullPipe,
  'a terminal that was stopped': stoppedTerminal,
  'the socket of a journal that stands still': standingJournal,
};

for (const [name, open] of Object.entries(LOGS))
  test(`an agent whose log is ${name} counts to the packet, and goes on with the log once it is read`, {
    skip: noLab,
  }, async (t) => {
    const { output, read } = await open(t);
    const flags = () => readFileSync(`/proc/self/fdinfo/${output}`, 'utf8').match(/^flags:.*/m)?.[0];
    const before = flags();
    const agent = await startAgent(t, ['--budget=off'], { output });
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
    let heard = '';
    await until(() => {
      heard += read();
      return heard.match(/is started again/g)?.length === 3;
    });
    assert.match(
      heard,
      /^(tapscope: The process that answers requests ended \(signal SIGKILL\) and is started again(?: in \d s)?; its history begins anew\.\n){3}/m,
    );
    assert.equal(flags(), before, 'the shell that started it finds what it left');
  });

// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel.
// SIGUSR1 opens Node's debugger in no command, and one that was open before our first line is closed.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execPath } from 'node:process';
import { after, test } from 'node:test';
import { freePort } from '../../test/host/free-port.ts';
import { noLab } from '../../test/host/netns.ts';
import { until } from '../../test/host/until.ts';
import { packageRoot } from '../kernel/package.ts';

const ENTRIES = ['dist/src/main.js', 'deploy/launch.mjs'];

/** Each command at its work: those that end by themselves, and those that somebody ends. */
const COMMANDS: Readonly<Record<string, readonly string[]>> = {
  serve: ['--web.listen-address=127.0.0.1:PORT', '--socket=FOLDER/socket'],
  doctor: [],
  check: [],
  diagnose: ['--for=2s'],
  whatif: ['lo'],
  top: [],
  record: ['--for=2s', '--output=FOLDER/record'],
  report: ['FOLDER/none'],
  explain: ['reader-starved'],
  drops: ['--follow'],
  fleet: ['--prometheus=http://127.0.0.1:9'],
  demo: [],
  bench: ['--list'],
  completion: ['bash'],
};

const folder = mkdtempSync(join(tmpdir(), 'tapscope-debugger-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/**
 * In the process of the command, and in those that it starts: once its first line has run (which a busy host may put off for seconds), and again as it
 * ends, it signals itself, gives Node time to open its debugger, and notes whether there is one. A program without such a line is asked after ten seconds.
 */
const WITNESS = join(folder, 'witness.cjs');
writeFileSync(
  WITNESS,
  `const { appendFileSync } = require('node:fs');
   const inspector = require('node:inspector');
   const note = () => {
     if (!/\\b(main|serving|launch)\\.m?js$/.test(process.argv[1] ?? '')) return; // what builds the clone
     process.kill(process.pid, 'SIGUSR1');
     for (const end = Date.now() + 200; Date.now() < end; );
     appendFileSync(${JSON.stringify(folder)} + '/note-' + process.pid, (inspector.url() ?? 'none') + '\\n');
   };
   const latest = Date.now() + 10_000;
   const asking = setInterval(() => {
     if (process.listenerCount('SIGUSR1') === 0 && Date.now() < latest) return;
     clearInterval(asking);
     note();
   }, 500).unref();
   process.on('exit', note);`,
);

test('the table has every command', async () => {
  const { stdout } = await run([join(packageRoot(), 'dist/src/main.js'), '--help'], '');
  const listed = [...stdout.matchAll(/^ {2}(\w+) .*$/gm)].map(([, name]) => name).filter((name) => name !== 'help');
  assert.deepEqual(Object.keys(COMMANDS).sort(), listed.sort());
});

for (const entry of ENTRIES)
  for (const [command, words] of Object.entries(COMMANDS))
    test(`${entry} ${command}`, { skip: noLab }, async () => {
      const port = String(await freePort());
      const own = words.map((word) => word.replace('PORT', port).replace('FOLDER', folder));
      // A port of its own: open from Node's start until our first line.
      const options = `--inspect=127.0.0.1:0 --require=${WITNESS}`;
      const { pid, stderr } = await run([join(packageRoot(), entry), command, ...own], options);
      assert.match(stderr, /^Debugger listening on ws:/m, 'the test itself opens one');
      // What the command started may end after it, and be about to write.
      let written = notes();
      await until(() => {
        written = notes();
        return Object.values(written).every(isWritten);
      });
      for (const name of Object.keys(written)) rmSync(join(folder, name));
      assert.ok(`note-${pid}` in written, stderr);
      for (const [name, note] of Object.entries(written)) assert.match(note, /^(none\n)+$/, name);
    });

/** The text of each note, by the name of its file. */
function notes(): Readonly<Record<string, string>> {
  const names = readdirSync(folder).filter((name) => name.startsWith('note-'));
  return Object.fromEntries(names.map((name) => [name, readFileSync(join(folder, name), 'utf8')]));
}

interface Ended {
  readonly pid: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A file is there before there is text in it: who is interrupted then writes none. */
function isWritten(note = ''): boolean {
  return note.endsWith('\n');
}

/** Runs it to its end, or interrupts it once it has noted something. */
async function run(words: readonly string[], options: string): Promise<Ended> {
  const child = spawn(execPath, words, { env: { ...process.env, NODE_OPTIONS: options } });
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    child[name].on('data', (data) => {
      said[name] += data;
    });
  let hasEnded = false;
  child.on('close', () => {
    hasEnded = true;
  });
  await until(() => hasEnded || isWritten(notes()[`note-${child.pid}`]));
  child.kill('SIGINT');
  await until(() => hasEnded, 20_000);
  child.kill('SIGKILL');
  await until(() => hasEnded);
  return { pid: child.pid ?? 0, ...said };
}

// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel, openssl, alone.
// The questions of docs/README.md, typed as they stand there, on a host whose vnet0 loses packets: each answer is in what is said.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import test from 'node:test';
import { temporaryFolder } from '../../test/agent/certificates.ts';
import { type Agent, standingAgent } from '../../test/agent/serve-process.ts';
import { namespaceLab, noLab } from '../../test/host/netns.ts';

interface Said {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The answer to each command's question, and its exit codes. */
const ANSWERS: Readonly<Record<string, readonly [words: RegExp, codes: readonly number[]]>> = {
  'tapscope check': [/^CRITICAL: \S+ /, [2]],
  'tapscope diagnose vnet0': [/^CRITICAL: vnet0 [\s\S]*\nreader-[a-z-]+, vnet0 [\s\S]*\n(?:Do|Look): /, [2]],
  'tapscope top vnet0 -b -n 1': [/STATE[^\n]*\nvnet0\/0 .*(?:sleeping|waiting|running|stopped)/, [0]],
  'tapscope doctor': [/^(?:OK: all|All) figures are exact[\s\S]*An agent runs, pid \d+, .*\n/, [0, 1]],
  'tapscope check vnet0': [/^CRITICAL: vnet0 /, [2]],
  'tapscope whatif vnet0': [/txqueuelen/, [0]],
  'tapscope drops vnet0 --for 10s': [/vnet0\/0 +\d+ tun +FULL_RING +tun_net_xmit/, [0]],
  'tapscope explain reader-stalled': [/^reader-stalled: /, [0]],
  'tapscope record -o host.rec': [/^host\.rec: \d+ snapshots, /, [0]],
};
/** Minutes are for people. */
const SHORTER: Readonly<Record<string, string>> = {
  'tapscope record -o host.rec': 'tapscope record -o host.rec --for 3s',
  'tapscope drops vnet0 --for 10s': 'tapscope drops vnet0 --for 3s',
};

/** The commands as the page has them; lab/fleet asks real engines what `fleet` asks. */
function commands(): readonly string[] {
  const rows = readFileSync('docs/README.md', 'utf8').matchAll(/^\| [^|]*\? \| `([^`]+)` \|/gm);
  return [...new Set([...rows].map(([, command = '']) => command))].filter((one) => !one.startsWith('tapscope fleet '));
}

/** A shell in which `tapscope` is the product as built, asking this agent. */
function shell(folder: string, { socket }: Agent): (line: string) => Promise<Said> {
  const asks = '[ "$1" = explain ] || [ "$1" = drops ] || set -- "$@" "--socket=$SOCKET"';
  const script = `#!/bin/sh\n${asks}\nexec '${process.execPath}' '${resolve('dist/src/main.js')}' "$@"\n`;
  writeFileSync(join(folder, 'tapscope'), script, { mode: 0o755 });
  const env = { ...process.env, PATH: `${folder}:${process.env.PATH}`, SOCKET: socket };
  return (line) =>
    new Promise((done) => {
      const options = { cwd: folder, env, timeout: 60_000 };
      const child = execFile('sh', ['-c', line], options, (_, stdout, stderr) =>
        done({ code: child.exitCode ?? -1, stdout, stderr }),
      );
    });
}

test('every question is answered by the line that the page says', { skip: noLab }, async (t) => {
  assert.deepEqual(commands().toSorted(), Object.keys(ANSWERS).toSorted());
  const lab = await namespaceLab(t);
  const testReader = await lab.testReader();
  await testReader.open('a', 'vnet0', 'tap');
  const peer = await lab.raise('vnet0', 10);
  const sender = await lab.testReader();
  const flood = setInterval(() => void sender.udp(peer, 9, 100, 64).catch(() => undefined), 100);
  t.after(() => clearInterval(flood));
  const type = shell(temporaryFolder(t), await standingAgent());
  await type('tapscope diagnose vnet0 --for 4s');
  const ask = async (line: string): Promise<void> => {
    const [words, codes] = ANSWERS[line] ?? assert.fail(line);
    const { code, stdout, stderr } = await type(SHORTER[line] ?? line);
    assert.match(stdout, words, `${line}\n${stderr}`);
    assert.ok(codes.includes(code), `${line}: ${code}\n${stdout}${stderr}`);
  };
  await Promise.all(Object.keys(ANSWERS).map(ask));
});

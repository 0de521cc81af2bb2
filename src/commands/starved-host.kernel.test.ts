// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel.
// The worst minute: 40 loops, each in a session of its own (the kernel groups CPU time by session), beside an agent of many taps. Who asks is answered all the same.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { temporaryFolder } from '../../test/agent/certificates.ts';
import { type Finished, finished, startAgent } from '../../test/agent/serve-process.ts';
import { namespaceLab, noLab } from '../../test/host/netns.ts';
import { packageRoot } from '../kernel/package.ts';

const LOOPS = 40;
/** vnet9000 and so on: no other test's. */
const TAPS = 100;
const QUESTIONS = 10;
/** Half of the answers: other tests may run beside this one, and add their load to that of the loops. */
const WITHIN_MS = 2000;
/** Of all questions. */
const MOST_UNANSWERED = 2;
/** What else is asked then, and the line that answers; none waits for a window of its own. */
const OTHER_QUESTIONS: readonly (readonly [words: readonly string[], line: RegExp])[] = [
  [['check', 'vnet9001/0'], /^(?:OK|WARNING|CRITICAL|UNKNOWN): /],
  [['check', 'vnet9001/7'], /^UNKNOWN: .*vnet9001/],
  [['check', '--json'], /^\{\n {2}"schema"/],
  [['diagnose', 'vnet9001', '--for', '2s'], /^(?:OK|WARNING|CRITICAL|UNKNOWN): /],
  [['top', 'vnet9001', '-b', '-n', '1'], /\nvnet9001\/0 /],
  [['whatif', 'vnet9001', '--for', '2s'], /^vnet9001: nothing to change/],
  [['doctor'], /An agent runs, pid \d+/],
  [['doctor', '--json'], /^\{/],
  [['explain', 'reader-starved'], /^reader-starved: /],
  [['--help'], /^Usage: tapscope/],
];
const SOCKETLESS = new Set(['explain', '--help']);
const AUTOGROUP = '/proc/self/autogroup';

function starve(t: TestContext): void {
  // The shell counts on without a call to the kernel; a timeout ends it should this test be killed.
  const loops = Array.from({ length: LOOPS }, () =>
    spawn('timeout', ['60', 'sh', '-c', 'while :; do :; done'], { detached: true, stdio: 'ignore' }),
  );
  t.after(() => {
    for (const { pid } of loops) if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  });
}

/** The nice value of a process' session; undefined: this kernel groups nothing by session, or this one is in no group (as what init starts, until it calls setsid()). */
function sessionNice(pid: number | 'self'): number | undefined {
  try {
    const nice = readFileSync(`/proc/${pid}/autogroup`, 'utf8').trim().split(' ')[2];
    return nice === undefined ? undefined : Number(nice);
  } catch {
    return undefined;
  }
}

/** Prometheus asks from another host: what asks here is not to wait for a CPU itself. */
function hurry(t: TestContext): void {
  const before = sessionNice('self');
  if (before === undefined) return;
  writeFileSync(AUTOGROUP, '-20');
  t.after(() => writeFileSync(AUTOGROUP, String(before)));
}

/** The launcher of the packages, with the product of this tree. */
function installed(t: TestContext): string {
  const deploy = join(packageRoot(), 'deploy');
  const text = readFileSync(join(deploy, 'debian/launcher'), 'utf8')
    .replace('/usr/lib/tapscope-node/node', process.execPath)
    .replace('/usr/lib/tapscope/raise.sh', join(deploy, 'raise.sh'))
    .replace('/usr/lib/tapscope/dist', join(packageRoot(), 'dist'));
  const file = join(temporaryFolder(t), 'tapscope');
  writeFileSync(file, text, { mode: 0o755 });
  return file;
}

async function timed<Value>(work: () => Promise<Value>): Promise<readonly [Value, ms: number]> {
  const began = performance.now();
  return [await work(), performance.now() - began];
}

test('beside 40 busy loops scrapes and checks are answered within two seconds, from what was seen last, with devices', {
  skip: noLab,
}, async (t) => {
  const lab = await namespaceLab(t);
  const testReader = await lab.testReader();
  for (let index = 0; index < TAPS; index++)
    for (const queue of [0, 1]) await testReader.open(`q${index}.${queue}`, `vnet${9000 + index}`, 'tap', 'mq');
  // As from a terminal of its own.
  const agent = await startAgent(t, ['--detail=core'], { wrapper: ['setsid'] });
  const nices = agent.processes().map(sessionNice);
  if (nices[0] !== undefined) assert.deepEqual(nices, [-10, -10]);
  const command = installed(t);
  const typed = (words: readonly string[]): Promise<Finished> =>
    finished(spawn('setsid', ['--wait', command, ...words], { stdio: ['ignore', 'pipe', 'pipe'] }));
  hurry(t);
  await wait(3000);
  starve(t);
  await wait(2000);
  const times: Record<'scrape' | 'check', number[]> = { scrape: [], check: [] };
  const unanswered: string[] = [];
  const ask = async (kind: 'scrape' | 'check', question: () => Promise<string>, answer: RegExp): Promise<void> => {
    const [said, ms] = await timed(question);
    times[kind].push(ms);
    // What is late is not unmeasured.
    assert.doesNotMatch(said, /(?<!HELP.*)nothing measures/);
    if (!answer.test(said)) unanswered.push(`${Math.round(ms)} ms: ${said.slice(0, 100)}`);
  };
  // Taps of other tests may have faults; what is no answer is that the agent gave none.
  const devices = /^(?:OK|WARNING|CRITICAL|UNKNOWN): (?!the agent)/;
  for (let asked = 0; asked < QUESTIONS; asked++) {
    await ask(
      'scrape',
      async () => {
        const response = await fetch(`${agent.url}/metrics`);
        const page = await response.text();
        // Never a page without devices.
        assert.ok(response.status === 503 || page.includes('device="vnet9000"'));
        return page;
      },
      /device="vnet9000"/,
    );
    await ask('check', async () => (await typed(['check', `--socket=${agent.socket}`])).stdout, devices);
  }
  for (const [words, line] of OTHER_QUESTIONS) {
    const [{ stdout, stderr }, ms] = await timed(() =>
      typed([...words, ...(SOCKETLESS.has(words[0] ?? '') ? [] : [`--socket=${agent.socket}`])]),
    );
    const [first = ''] = (stdout || stderr).split('\n');
    t.diagnostic(`${Math.round(ms)} ms: tapscope ${words.join(' ')}: ${first.slice(0, 100)}`);
    if (!line.test(stdout)) unanswered.push(`tapscope ${words.join(' ')}: ${stdout}${stderr}`);
  }
  assert.ok(unanswered.length <= MOST_UNANSWERED, unanswered.join('\n'));
  for (const kind of ['scrape', 'check'] as const) {
    const sorted = times[kind].map(Math.round).sort((a, b) => a - b);
    t.diagnostic(`${kind}, ms: ${sorted.join(' ')}`);
    assert.ok((sorted[QUESTIONS / 2] ?? Number.NaN) <= WITHIN_MS, `${kind}: ${sorted.join(' ')} ms`);
  }
});

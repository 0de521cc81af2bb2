// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel, quiet.
// The worst minute: 40 loops, each in a session of its own (the kernel groups CPU time by session), beside an agent of many taps. Who asks is answered all the same.
// WHOLE=1 asks a hundred times, an agent as a service too, and wants each answer in time: it is to run alone.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { temporaryFolder } from '../../test/agent/certificates.ts';
import { type Finished, finished, startAgent } from '../../test/agent/serve-process.ts';
import { type NamespaceLab, namespaceLab, noLab } from '../../test/host/netns.ts';
import { slowness } from '../../test/host/slowness.ts';
import { succeeds, until } from '../../test/host/until.ts';
import type { TestReader } from '../../test/test-reader/test-reader.ts';
import { isWhole } from '../../test/whole.ts';
import { packageRoot } from '../kernel/package.ts';

const LOOPS = 40;
const LOOP_SECONDS = 900;
/** vnet9000 and so on: no other test's. */
const TAPS = isWhole ? 200 : 100;
const QUESTIONS = isWhole ? 100 : 10;
/** Of those about a device, which take a look of their own, and of `top`. */
const LONG_QUESTIONS = isWhole ? 30 : 3;
/** One of the answers at least, on a machine as slow as it was before the loops. Of the whole test all, on any machine. */
const WITHIN_MS = 2000;
/** Of all questions. */
const MOST_UNANSWERED = isWhole ? 0 : 2;
/** What else is asked then, and the line that answers; none waits for a window of its own. */
const OTHER_QUESTIONS: readonly (readonly [words: readonly string[], line: RegExp])[] = [
  [['check', 'vnet9001/7'], /^UNKNOWN: .*vnet9001/],
  [['check', '--json'], /^\{\n {2}"schema"/],
  [['diagnose', 'vnet9001', '--for', '2s'], /^(?:OK|WARNING|CRITICAL|UNKNOWN): /],
  [['whatif', 'vnet9001', '--for', '2s'], /^vnet9001: nothing to change/],
  [['doctor'], /An agent runs, pid \d+/],
  [['doctor', '--json'], /^\{/],
  [['drops', 'vnet9001', '--for', '1s'], /^TIME +DEVICE /],
  [['explain', 'reader-starved'], /^reader-starved: /],
  [['--help'], /^Usage: tapscope/],
];
const SOCKETLESS = new Set(['drops', 'explain', '--help']);
type Kind = 'scrape' | 'check' | 'check vnet9001/0' | 'top';

const AUTOGROUP = '/proc/self/autogroup';

function starve(t: TestContext): void {
  // The shell counts on without a call to the kernel; a timeout ends it should this test be killed, and never before its questions are answered.
  const loops = Array.from({ length: LOOPS }, () =>
    spawn('timeout', [String(LOOP_SECONDS), 'sh', '-c', 'while :; do :; done'], { detached: true, stdio: 'ignore' }),
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

/** To four taps that nothing is asked about, whose reader starves. */
async function sendTraffic(lab: NamespaceLab, testReader: TestReader): Promise<void> {
  for (const tap of [10, 11, 12, 13]) {
    await lab.raise(`vnet${9000 + tap}`, 500);
    for (const queue of [0, 1]) await testReader.readLoop(`q${tap}.${queue}`, 0);
    await testReader.stream(`s${tap}`, `vnet${9000 + tap}`, 500, 200);
  }
}

interface Start {
  readonly wrapper: readonly string[];
  /** When the agent has ended. */
  readonly undo: () => Promise<void>;
}

/** What a unit of systemd asks for, without systemd: its cgroup has ten times the weight of others. undefined: none can be made here. */
function asService(): Start | undefined {
  const root = existsSync('/sys/fs/cgroup/cpu') ? '/sys/fs/cgroup/cpu' : '/sys/fs/cgroup';
  const folder = join(root, `tapscope-starved-${process.pid}`);
  try {
    mkdirSync(folder);
    const [weight, ten] = root.endsWith('cpu') ? ['cpu.shares', '10240'] : ['cpu.weight', '1000'];
    writeFileSync(join(folder, weight), ten);
  } catch {
    return undefined;
  }
  return {
    wrapper: ['sh', '-c', `echo $$ > ${folder}/cgroup.procs && exec setsid nice -n -10 "$@"`, 'sh'],
    undo: () => until(() => succeeds(rmdir(folder))), // its last process may end just now
  };
}

/** As from a terminal of its own. */
const BY_HAND: Start = { wrapper: ['setsid'], undo: async () => undefined };

test(
  'beside 40 busy loops an agent answers within two seconds, from what was seen last, with devices',
  {
    skip: noLab,
  },
  (t) => askStarved(t, BY_HAND),
);

test('so does one that has what its unit asks for', { skip: noLab || (!isWhole && 'WHOLE=1 plays it') }, async (t) => {
  const start = asService();
  if (start) await askStarved(t, start);
  else t.skip('no cgroup with a weight of CPU can be made here');
});

async function askStarved(t: TestContext, { wrapper, undo }: Start): Promise<void> {
  const lab = await namespaceLab(t);
  const testReader = await lab.testReader();
  for (let index = 0; index < TAPS; index++)
    for (const queue of [0, 1]) await testReader.open(`q${index}.${queue}`, `vnet${9000 + index}`, 'tap', 'mq');
  if (isWhole) await sendTraffic(lab, testReader);
  const agent = await startAgent(t, ['--detail=core'], { wrapper });
  t.after(undo);
  const nices = agent.processes().map(sessionNice);
  if (nices[0] !== undefined && wrapper === BY_HAND.wrapper) assert.deepEqual(nices, [-10, -10]);
  const command = installed(t);
  const typed = (words: readonly string[]): Promise<Finished> =>
    finished(spawn('setsid', ['--wait', command, ...words], { stdio: ['ignore', 'pipe', 'pipe'] }));
  const withinMs = WITHIN_MS * (isWhole ? 1 : await slowness());
  hurry(t);
  await wait(3000);
  starve(t);
  await wait(2000);
  const times: Record<Kind, number[]> = { scrape: [], check: [], 'check vnet9001/0': [], top: [] };
  const unanswered: string[] = [];
  const firstLines: string[] = [];
  const ask = async (kind: Kind, question: () => Promise<string>, answer: RegExp): Promise<void> => {
    const [said, ms] = await timed(question);
    times[kind].push(ms);
    // What is late is not unmeasured.
    assert.doesNotMatch(said, /(?:are not watched|(?<!HELP.*)nothing measures)/);
    if (kind === 'check') firstLines.push(said.slice(0, 100));
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
  const socket = `--socket=${agent.socket}`;
  for (let asked = 0; asked < LONG_QUESTIONS; asked++) {
    const device = ['check', 'vnet9001/0', socket];
    // What was not looked at in time is no OK.
    await ask('check vnet9001/0', async () => (await typed(device)).stdout, devices);
    await ask('top', async () => (await typed(['top', 'vnet9001', '-b', '-n', '1', socket])).stdout, /\nvnet9001\/0 /);
  }
  for (const [words, line] of OTHER_QUESTIONS) {
    const [{ stdout, stderr }, ms] = await timed(() =>
      typed([...words, ...(SOCKETLESS.has(words[0] ?? '') ? [] : [`--socket=${agent.socket}`])]),
    );
    const [first = ''] = (stdout || stderr).split('\n');
    t.diagnostic(`${Math.round(ms)} ms: tapscope ${words.join(' ')}: ${first.slice(0, 100)}`);
    if (!line.test(stdout)) unanswered.push(`tapscope ${words.join(' ')}: ${stdout}${stderr}`);
  }
  const reader = firstLines.filter((line) => /vnet901\d.* gets no CPU/.test(line)).length;
  if (isWhole)
    t.diagnostic(
      `${reader} of ${firstLines.length} first lines name the starved reader; the last: ${firstLines.at(-1)}`,
    );
  const late: string[] = [];
  for (const [kind, taken] of Object.entries(times)) {
    const sorted = taken.map(Math.round).sort((a, b) => a - b);
    const inTime = sorted.filter((ms) => ms <= withinMs).length;
    t.diagnostic(`${kind}: ${inTime} of ${sorted.length} within ${Math.round(withinMs)} ms: ${sorted.join(' ')}`);
    if (inTime < (isWhole ? sorted.length : 1)) late.push(`${kind}: ${sorted.join(' ')} ms`);
  }
  assert.ok(unanswered.length <= MOST_UNANSWERED, unanswered.join('\n'));
  assert.deepEqual(late, []);
}

// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel.
// The worst minute: 40 loops, each in a session of its own (the kernel groups CPU time by session), beside an agent of many taps. Who asks is answered all the same.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { type TestContext, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { startAgent, tapscope } from '../../test/agent/serve-process.ts';
import { namespaceLab, noLab } from '../../test/host/netns.ts';

const LOOPS = 40;
const TAPS = 30;
const QUESTIONS = 10;
/** Half of the answers. A command gets its start from its own session, whose share of the CPU is that of each loop. */
const WITHIN_MS = { scrape: 2000, check: 8000 };
/** Of all questions: other tests run beside this one, and add their load to that of the loops. */
const MOST_UNANSWERED = 2;

function starve(t: TestContext): void {
  // The shell counts on without a call to the kernel; a timeout ends it should this test be killed.
  const loops = Array.from({ length: LOOPS }, () =>
    spawn('timeout', ['60', 'sh', '-c', 'while :; do :; done'], { detached: true, stdio: 'ignore' }),
  );
  t.after(() => {
    for (const { pid } of loops) if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  });
}

async function timed<Value>(work: () => Promise<Value>): Promise<readonly [Value, ms: number]> {
  const began = performance.now();
  return [await work(), performance.now() - began];
}

test('beside 40 busy loops scrapes are answered within two seconds, checks with what was seen last, and both with devices', {
  skip: noLab,
}, async (t) => {
  const lab = await namespaceLab(t);
  const testReader = await lab.testReader();
  for (let index = 0; index < TAPS; index++) await testReader.open(`q${index}`, `tap${index}`, 'tap');
  // As from a terminal of its own.
  const agent = await startAgent(t, [], { wrapper: ['setsid'] });
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
        assert.ok(response.status === 503 || page.includes('device="tap0"'));
        return page;
      },
      /device="tap0"/,
    );
    await ask('check', async () => (await tapscope(['check', `--socket=${agent.socket}`])).stdout, devices);
  }
  assert.ok(unanswered.length <= MOST_UNANSWERED, unanswered.join('\n'));
  for (const kind of ['scrape', 'check'] as const) {
    const sorted = times[kind].map(Math.round).sort((a, b) => a - b);
    t.diagnostic(`${kind}, ms: ${sorted.join(' ')}`);
    assert.ok((sorted[QUESTIONS / 2] ?? Number.NaN) <= WITHIN_MS[kind], `${kind}: ${sorted.join(' ')} ms`);
  }
});

// SPDX-License-Identifier: Apache-2.0
// Needs: VMs.
// On a kernel that can stop queues: what was recorded there is what an agent says today, and the pages for such hosts can be typed.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { loadVhost } from '../../test/host/zerocopy-parameter.ts';
import { readRecording, shapeOf } from './recording.ts';
import { runbooks } from './runbook.ts';
import { typist } from './runbook-runner.ts';
import { stoppingHost } from './stopping-host.ts';
import { STOPPING_PAGES } from './stopping-pages.ts';

const ROUNDS = { before: 40, after: 10 };
const skip =
  !/ (t|T) __tun_wake_queue\t/.test(readFileSync('/proc/kallsyms', 'utf8')) && 'tun never stops a queue here';

test('a host that stops queues', { skip }, async (t) => {
  await loadVhost(true);
  t.after(() => loadVhost(false));
  const host = await stoppingHost(t);
  const type = await typist(t, host);
  for (let round = 0; round < ROUNDS.before; round++) await host.round();
  await host.rob();
  for (let round = 0; round < ROUNDS.after; round++) await host.round();

  await t.test(
    'the recorded pages have the series of today (npx tsx lab/recorded/main.ts dashboards records anew)',
    async () => {
      const { text } = await host.agent.metrics();
      // Findings at one moment vary, and devices that end there are of other tests.
      const lasting = (page: string) => shapeOf(page).filter((shape) => !/^tapscope_(finding\{|ended_)/.test(shape));
      assert.deepEqual(lasting(text), lasting(readRecording()));
    },
  );
  for (const page of runbooks()) {
    const example = STOPPING_PAGES[page.name];
    if (example) await t.test(page.name, () => type(page, example));
  }
});

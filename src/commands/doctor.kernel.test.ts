// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel.
// `tapscope doctor` as built: the first line counts what the details list, and the agent says the same at its start.
import assert from 'node:assert/strict';
import test from 'node:test';
import { startAgent, tapscope } from '../../test/agent/serve-process.ts';
import { at, listAt, parseJson } from '../../test/host/checked-json.ts';
import { noLab } from '../../test/host/netns.ts';

/** How many things cost more or are missing, as the first line has it. */
function things(text: string): number {
  const [, number] = /^All figures are exact; .*, so (\d+) things? /.exec(text) ?? [];
  return text.startsWith('OK: all figures are exact') ? 0 : Number(number);
}

test('the count of the first line is that of the fallbacks, which --verbose lists', { skip: noLab }, async () => {
  for (const choice of [[], ['--mechanism', 'owners=procfs', '--mechanism', 'queue-changes=walk']]) {
    const [short, verbose, json] = await Promise.all(
      [[], ['--verbose'], ['--json']].map(async (how) => (await tapscope(['doctor', ...choice, ...how])).stdout),
    );
    const fallbacks = listAt(parseJson(json ?? ''), 'events').filter((event) => at(event, 'state') === 'fallback');
    assert.equal(things(short ?? ''), fallbacks.length, short);
    assert.equal(verbose?.split('\n')[0], short?.split('\n')[0]);
    assert.equal(verbose?.match(/^\S+ +\S+ +fallback /gm)?.length ?? 0, fallbacks.length);
    assert.doesNotMatch(short ?? '', /fallback|not fentry/);
    if (choice.length > 0) assert.ok(fallbacks.length >= 2, short);
  }
});

test('the agent says at its start how well it measures', { skip: noLab }, async (t) => {
  const agent = await startAgent(t, ['--mechanism', 'owners=procfs']);
  const doctor = await tapscope(['doctor', '--mechanism', 'owners=procfs', `--socket=${agent.socket}`]);
  const { stdout, stderr } = await agent.stop();
  const said = stdout + stderr;
  const [sentence = ''] = doctor.stdout.split('\n');
  assert.match(said, /Measured: \d+ of \d+ events by the best mechanism\. /);
  assert.ok(said.includes(` ${sentence} 'tapscope doctor --verbose' says more.`), `${said}\n${sentence}`);
});

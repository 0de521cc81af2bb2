// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel.
// Devices that --device-include hides are not "none on this host": in check, in the API of the page, and in the sentence of a command that looks for one.
import assert from 'node:assert/strict';
import test from 'node:test';
import { startAgent, tapscope } from '../../test/agent/serve-process.ts';
import { at, parseJson } from '../../test/host/checked-json.ts';
import { namespaceLab, noLab } from '../../test/host/netns.ts';
import { until } from '../../test/host/until.ts';

const HIDES = /the device filter of the agent \(--device-include, --device-exclude\) hides \d+ devices/;

test('a filter that hides all taps is named, with how many', { skip: noLab }, async (t) => {
  const lab = await namespaceLab(t);
  const testReader = await lab.testReader();
  for (const device of ['tap0', 'tap1']) await testReader.open(device, device, 'tap');
  const agent = await startAgent(t, ['--device-include=none-has-this-name']);
  // The devices of other programs of this host are hidden too. Before the first second has passed there is no history.
  await until(async () => {
    const answer = await fetch(`${agent.url}/api/v1/queues`);
    return answer.ok && Number(at(parseJson(await answer.text()), 'hiddenDevices')) >= 2;
  });
  const page = await (await fetch(agent.url)).text();
  assert.match(page, new RegExp(`<p>No queue is shown: ${HIDES.source}\\.</p>`));
  const check = await tapscope(['check', `--socket=${agent.socket}`]);
  assert.match(check.stdout.replace(/\s+/g, ' '), new RegExp(`^[A-Z]+: 0 devices, 0 queues \\(${HIDES.source}\\),`));
  const one = await tapscope(['check', 'tap0', `--socket=${agent.socket}`]);
  assert.equal(one.code, 3);
  assert.match(
    one.stdout.replace(/\s+/g, ' '),
    new RegExp(`device named tap0 is on this host; none is shown; ${HIDES.source}\\. $`),
  );
});

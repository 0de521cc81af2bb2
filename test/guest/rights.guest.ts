// SPDX-License-Identifier: Apache-2.0
// Needs: VMs.
// The service unit's rights on this kernel: no mechanism and no series is lost for want of root.
import assert from 'node:assert/strict';
import test from 'node:test';
import { startAgent, tapscope } from '../agent/serve-process.ts';
import { rights, withRights } from '../agent/service-unit.ts';
import { at, parseJson } from '../host/checked-json.ts';
import { namespaceLab } from '../host/netns.ts';
import { until } from '../host/until.ts';
import { doctorReport } from './doctor-report.ts';

const wrapper = withRights(rights);

test('with the rights of the service unit and no others, doctor chooses as it does for root', async () => {
  const { report: byRoot } = await doctorReport();
  const { stdout } = await tapscope(['doctor', '--json'], { wrapper });
  assert.deepEqual(parseJson(stdout), byRoot);
  assert.equal(at(byRoot, 'verdict'), 'best');
});

test('with the rights of the service unit and no others, the same series as root', async (t) => {
  const lab = await namespaceLab(t);
  const testReader = await lab.testReader();
  await testReader.open('a', 'tap0', 'tap');
  const peer = await lab.raise('tap0', 10);
  const series = async (options: { wrapper?: readonly string[] }): Promise<readonly string[]> => {
    const agent = await startAgent(t, [], options);
    // The agent looks up the device's owner beside the scrapes.
    const owned = async () => (await agent.metrics()).by('program', 'tapscope_device_owner_info', { device: 'tap0' });
    await until(async () => Object.keys(await owned()).some((program) => program !== 'unresolved'));
    await testReader.udp(peer, 9, 20, 64);
    const { text } = await agent.metrics();
    await agent.stop();
    // Whether a finding stands at a moment is the rules' affair.
    const lines = text.split('\n').filter((line) => /^tapscope_(?!finding\{)/.test(line));
    return lines.map((line) => line.slice(0, line.lastIndexOf(' '))).sort();
  };
  const byRoot = await series({});
  assert.deepEqual(await series({ wrapper }), byRoot);
  t.diagnostic(`${byRoot.length} series`);
  assert.ok(byRoot.some((line) => line.startsWith('tapscope_queue_owner_info{')));
});

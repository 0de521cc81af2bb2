// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel, two CPUs.
// Each fault that looks like another at a full ring, with few samples of its reader: the rule that comes first is the right one.
import assert from 'node:assert/strict';
import test from 'node:test';
import { agentLab } from '../../test/agent/agent-lab.ts';
import { noCgroup } from '../../test/host/cgroup.ts';
import { noLab } from '../../test/host/netns.ts';
import { LOOK_ALIKES } from './faults.ts';
import { judged, play, told } from './play.ts';

/** An agent on a busy host samples as seldom. */
const SAMPLE_MS = 450;

test('faults that look alike', { skip: noLab }, async (t) => {
  const agent = await agentLab(t);
  for (const fault of LOOK_ALIKES) {
    const skip = fault.quota === undefined ? false : noCgroup('cpu');
    await t.test(fault.name, { skip }, async () => {
      const { first, isRight } = judged(await play(agent, fault, 0, SAMPLE_MS));
      assert.ok(isRight, told(first));
    });
  }
});

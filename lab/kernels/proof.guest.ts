// SPDX-License-Identifier: Apache-2.0
// Needs: VMs.
// What tapscope measures on this kernel, by which mechanism, and whether it counts to the packet: docs/kernels.md is made of what this prints.
import assert from 'node:assert/strict';
import { release } from 'node:os';
import test, { type TestContext } from 'node:test';
import { type Agent, startAgent } from '../../test/agent/serve-process.ts';
import { doctorReport, mechanismsOf } from '../../test/guest/doctor-report.ts';
import { figuresOf, total } from '../../test/guest/figures.ts';
import { DEVICE, play, type Scenario } from '../../test/guest/traffic-scenario.ts';
import { at, listAt, textAt } from '../../test/host/checked-json.ts';
import { namespaceLab } from '../../test/host/netns.ts';
import { isHonest, PROOF, type Proof, type Proven } from './proven.ts';

const SCENARIOS: readonly Scenario[] = [
  { life: 'fast readers', path: 'noqueue', skb: 'unshared', threads: 1, queues: 1 },
  { life: 'slow readers', path: 'noqueue', skb: 'shared', threads: 2, queues: 4 },
  { life: 'slow readers', path: 'fq_codel', skb: 'unshared', threads: 1, queues: 4 },
  { life: 'a close with full rings', path: 'start_xmit', skb: 'shared', threads: 1, queues: 1 },
];

async function prove(t: TestContext, agent: Agent, scenario: Scenario): Promise<Proof> {
  const lab = await namespaceLab(t);
  const truth = await play(lab, scenario, async () => undefined);
  // Two snapshots at rest settle what was on its way.
  await agent.metrics();
  await agent.metrics();
  const seen = figuresOf(await agent.metrics(), lab.inode, DEVICE);
  assert.equal(total(truth.read), truth.txPackets, 'the readers and the kernel agree');
  const { life, path, skb, threads, queues } = scenario;
  // With one queue they are in its figures; with several the device has them alone, and says so for good.
  const [enqueued, dropped] = queues > 1 ? [seen.unseenEnqueued, seen.unseenDropped] : [0, 0];
  return {
    name: `${life}, ${queues} queues, ${threads} senders, ${path}, ${skb} packets`,
    packets: truth.tried,
    offered: seen.offered + enqueued + dropped - (truth.passed ?? truth.tried),
    dropped: total(seen.dropped) + dropped + seen.beforeInTxDropped - truth.txDropped,
    // Where packets are counted as they leave, their queues are known then.
    delivered: total(seen.delivered) + (seen.consumed === undefined ? enqueued : 0) - truth.txPackets,
    ofDeviceOnly: enqueued + dropped,
    isMarked: seen.degraded > 0,
  };
}

test('what tapscope counts on this kernel equals the kernel’s own counters, or is marked', async (t) => {
  const { report } = await doctorReport();
  const mechanisms = mechanismsOf(report);
  const features = listAt(report, 'features').filter((one) => at(one, 'present') === false);
  const proofs: Proof[] = [];
  // Without queues there is nothing that could be right or wrong.
  if (mechanisms.transmit !== null) {
    const agent = await startAgent(t, ['--budget=off', '--detail=cpu']);
    for (const scenario of SCENARIOS) proofs.push(await prove(t, agent, scenario));
  }
  const proven: Proven = {
    release: release(),
    mechanisms: Object.fromEntries(
      Object.entries(mechanisms).map(([event, mechanism]) => [event, mechanism === null ? null : String(mechanism)]),
    ),
    missing: features.map((one) => textAt(one, 'name')),
    proofs,
  };
  console.log(`${PROOF}${JSON.stringify(proven)}`);
  for (const proof of proofs) assert.ok(isHonest(proof), JSON.stringify(proof));
});

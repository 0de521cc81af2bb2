// SPDX-License-Identifier: Apache-2.0
// Plays a scenario before an agent and holds what Prometheus gets against the truth, to the packet.
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import type { Agent } from '../agent/serve-process.ts';
import { namespaceLab } from '../host/netns.ts';
import { type Figures, figuresOf, marksOf, total } from './figures.ts';
import { DEVICE, LIVES, play, type Scenario, type Truth } from './traffic-scenario.ts';

interface Observation {
  readonly truth: Truth;
  readonly before: Figures;
  readonly halfway: Figures;
  readonly atRest: Figures;
  /** The figures some snapshots later. */
  readonly later: Figures;
  /** The agent's reasons to call the device degraded now. */
  marks(): Promise<unknown>;
}

/** How often a scenario throws packets out of rings and qdiscs while others come: two queues leave, or one resize. */
const MOST_DISTURBANCES = 2;
/** So many snapshots must disagree before a device is marked. */
const PATIENCE = 3;
/** A packet that no equation proves to have entered its ring counts after so long: a difference may show no earlier. */
const ENTERS_WITHIN_MS = 1000;

/**
 * Returns how many packets were tried. Linux 7.x skips a program whose run was preempted on that CPU: what it says that it
 * did not show of freed packets may be missing, no packet more, and the device is marked then. `audited`: the accounts must have been held
 * against the kernel's own counters, and not made of them.
 */
export async function exact(t: TestContext, agent: Agent, scenario: Scenario, audited = true): Promise<number> {
  return judge(await observe(t, agent, scenario), ({ truth, before, halfway, atRest, later }) => {
    assert.ok(halfway.offered > 0 && halfway.offered <= atRest.offered, 'offered grows');
    assert.ok(total(halfway.delivered) <= truth.txPackets, 'never more than was delivered');
    const missed = later.missed - before.missed + mostHeldBack(scenario);
    // A drop that only tx_dropped shows is an imbalance for some samples, and then UNTRACED; whether it was counted as a packet that
    // entered too is known at rest. With several queues it is a mark.
    const shown = later.unseenDropped > before.unseenDropped && later.degraded === 0 ? later : atRest;
    const unseen = assertKept(shown, truth, scenario, missed);
    if (unseen > 0) {
      t.diagnostic(`${unseen} freed packets were not shown to the probe`);
      assert.ok(later.degraded > 0 || isTold(later, truth) || isWhole(later, truth, scenario), 'marked as not exact');
      return;
    }
    assertOffered(shown, truth, scenario, missed);
    assert.deepEqual([shown.imbalances, shown.degraded], [{}, 0]);
    if (audited) assert.ok(shown.equations.includes('dropped'), 'the accounts were held against the kernel');
    const { consumed = total(truth.read) + shown.failed } = shown;
    assert.equal(consumed, total(truth.read) + shown.failed);
    // Counters belong to the index, which is not the reader's any more.
    if (renumbers(scenario)) assert.equal(total(shown.delivered), total(truth.read));
    else assert.deepEqual(shown.delivered, truth.read);
    assert.deepEqual(exceptMissed(later), exceptMissed(shown));
  });
}

/**
 * While a queue is resized, a shared packet may be lost where there is no qdisc, and another in tun whose free no program saw: both are in
 * tx_dropped only. Every packet is there, and no truth tells which of the two it was.
 */
function isWhole({ dropped, imbalances }: Figures, { txDropped }: Truth, scenario: Scenario): boolean {
  const alone = scenario.skb === 'shared' && resizes(scenario) && scenario.queues === 1;
  return alone && total(dropped) === txDropped && Object.keys(imbalances).length === 0;
}

/** A mark ends 30 s after the last such packet, and a VM may take longer than that: how many packets the queues lack is told for good. */
function isTold({ delivered, dropped, consumed, unseenEnqueued, unseenDropped }: Figures, truth: Truth): boolean {
  const lacking = truth.txPackets - total(delivered) + truth.txDropped - total(dropped);
  // Where packets are counted as they leave, no queue lacks a delivery.
  return lacking > 0 && lacking === (consumed === undefined ? unseenEnqueued : 0) + unseenDropped;
}

/** The figures without `missed`, which counts for the whole host and so for other devices too. */
function exceptMissed(figures: Figures): Figures {
  return { ...figures, missed: 0 };
}

/** The kernel's own counters can tell all of a device that has one queue. */
function isWholeDevice({ offered, dropped, delivered }: Figures, { tried, txDropped, txPackets }: Truth): boolean {
  return offered === tried && total(dropped) === txDropped && total(delivered) === txPackets;
}

/** The probes do not see what goes around dev_hard_start_xmit; what they see is right, and the device is marked where that is not all. */
export async function marked(t: TestContext, agent: Agent, scenario: Scenario): Promise<number> {
  return judge(await observe(t, agent, scenario), ({ truth, before, later }) => {
    assert.ok(later.degraded > 0 || isWholeDevice(later, truth), 'marked as not exact');
    if (scenario.skb === 'unshared') assertKept(later, truth, scenario, later.missed - before.missed);
  });
}

async function observe(t: TestContext, agent: Agent, scenario: Scenario): Promise<Observation> {
  const lab = await namespaceLab(t);
  const figures = async (): Promise<Figures> => figuresOf(await agent.metrics(), lab.inode, DEVICE);
  const before = await figures();
  let halfway = before;
  const truth = await play(lab, scenario, async () => {
    halfway = await figures();
  });
  const atRest = await figures();
  await wait(ENTERS_WITHIN_MS);
  for (let snapshot = 1; snapshot < PATIENCE; snapshot++) await agent.metrics();
  const later = await figures();
  return { truth, before, halfway, atRest, later, marks: () => marksOf(agent, lab.inode, DEVICE) };
}

/** A failure shows everything that was seen. */
async function judge(seen: Observation, verdict: (seen: Observation) => void): Promise<number> {
  try {
    verdict(seen);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.stack : String(cause);
    const marks = await seen.marks().catch(String);
    throw new Error(`${reason}\n${JSON.stringify({ ...seen, marks }, undefined, 1)}`, { cause });
  }
  return seen.truth.tried;
}

/**
 * Drops, and what entered a ring and was not delivered. Returns how many packets are not explained: at most as many as were missed, and
 * those that no mark reports.
 */
function assertKept(figures: Figures, truth: Truth, scenario: Scenario, missed: number): number {
  const { dropped, purged, resized, failed, overflowed, waiting, before, beforeInTxDropped, txPackets, txDropped } =
    figures;
  assert.equal(total(truth.read), truth.txPackets, 'the readers and the kernel agree');
  assert.deepEqual([txPackets, txDropped, overflowed], [truth.txPackets, truth.txDropped, 0]);
  const lost = scenario.skb === 'shared' ? refusedBeforeTun(figures, truth) : before;
  const offered = loses(scenario) ? figures.offered : (truth.passed ?? truth.tried - (resizes(scenario) ? lost : 0));
  const rest = { nowhere: 0, purged, resized, waiting };
  const inTun = total(dropped) - takenForDropsOfTun(figures, truth, scenario);
  const unseen = offered - inTun - total(truth.read) - failed - rest[LIVES[scenario.life].rest];
  assert.ok(unseen >= 0 && unseen <= missed, `${unseen} packets unexplained, ${missed} not shown to the probe`);
  assert.ok(failed <= truth.failed && failed >= truth.failed - unseen, `${failed} of ${truth.failed} failed`);
  assert.equal(purged + resized + waiting, rest[LIVES[scenario.life].rest]);
  const beside = truth.txDropped - total(dropped);
  // While txqueuelen changes there is no qdisc: what is sent is lost, on some kernels in tx_dropped.
  const known = (resizes(scenario) ? lost + missed : 0) + unseen;
  assert.ok(beside >= 0 && beside <= known, `${beside} in tx_dropped only, ${known} known`);
  // A drop that was not shown to the probe is counted where the transmit function ends, and has no reason.
  const reasons = scenario.skb === 'shared' || missed > 0 ? ['FULL_RING', 'UNTRACED'] : ['FULL_RING'];
  const others = Object.keys(dropped).filter((reason) => !reasons.includes(reason));
  // A packet may be on its way to a queue that has just left.
  if (!renumbers(scenario)) assert.deepEqual(others, []);
  // The audit cannot tell these from what is known to be lost before tun and may be in tx_dropped, and forgives as many.
  return unseen + (scenario.skb === 'shared' && beside > beforeInTxDropped ? beside : 0);
}

/** No probe is told of a shared packet that is lost where there is no qdisc; its sender is. */
function refusedBeforeTun({ dropped }: Figures, { tried, passed, refused }: Truth): number {
  return passed === undefined ? refused - total(dropped) : tried - passed;
}

/** pktgen holds on to its newest packet: no probe is told when that one is thrown out of a ring, or out of a qdisc. */
function mostHeldBack(scenario: Scenario): number {
  const disturbed = renumbers(scenario) || resizes(scenario);
  return scenario.skb === 'shared' && disturbed ? scenario.threads * MOST_DISTURBANCES : 0;
}

/**
 * No program sees a shared packet that is lost where there is no qdisc, and on some kernels it is in tx_dropped; nothing tells it from a
 * drop of tun whose program was skipped, so that it is shown as one (docs/accounting.md).
 */
function takenForDropsOfTun({ unseenDropped }: Figures, { tried, passed }: Truth, scenario: Scenario): number {
  if (passed === undefined || scenario.skb !== 'shared' || !resizes(scenario)) return 0;
  return Math.min(unseenDropped, tried - passed);
}

/** missed: the number of packets lost before tun that the probe may not have seen. */
function assertOffered(figures: Figures, truth: Truth, scenario: Scenario, missed: number): void {
  const { offered, dropped, before } = figures;
  const { path, skb } = scenario;
  if (loses(scenario)) {
    const lost = (truth.passed ?? 0) - offered;
    assert.ok(lost >= 0 && lost <= before + missed, `${lost} packets between qdisc and tun, ${before} known`);
    return;
  }
  if (truth.passed === undefined) {
    if (!resizes(scenario)) assert.equal(offered, truth.tried);
  } else {
    assert.equal(offered - takenForDropsOfTun(figures, truth, scenario), truth.passed, 'tc: Sent');
    // If two threads send at once, one may be refused before the qdisc (7.x), and tc does not count it.
    if (!resizes(scenario) && scenario.threads === 1)
      assert.equal(truth.tried, truth.passed + truth.droppedByQdisc, 'tc: Sent and dropped');
  }
  const unknown = truth.tried - offered - before;
  if (skb === 'unshared')
    assert.ok(unknown >= 0 && unknown <= missed, `${unknown} packets lost before tun, and not known`);
  if (path !== 'fq_codel' && !resizes(scenario)) assert.equal(total(dropped), truth.refused, 'what the sender lost');
}

/** A qdisc whose queue leaves is emptied without a reason that all kernels tell, and what it has just sent does not reach tun. */
function loses(scenario: Scenario): boolean {
  return renumbers(scenario) && scenario.path === 'fq_codel';
}

function renumbers({ life }: Pick<Scenario, 'life'>): boolean {
  return life === 'queues detached and attached';
}

function resizes({ life }: Pick<Scenario, 'life'>): boolean {
  return life === 'a shrinking txqueuelen' || life === 'a growing txqueuelen';
}

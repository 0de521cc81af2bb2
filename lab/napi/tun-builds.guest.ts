// SPDX-License-Identifier: Apache-2.0
// Needs: VMs.
// Two builds of tun for the same kernel, without and with the NAPI cache: what guests send each other is counted exactly with both.
// lab/kernels/matrix.ts has them built before the VM starts.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import test, { type TestContext } from 'node:test';
import { type AttachedLab, agentLab } from '../../test/agent/agent-lab.ts';
import { tapscope } from '../../test/agent/serve-process.ts';
import { dismissStanding } from '../../test/agent/shared-agent.ts';
import { namespaceLab } from '../../test/host/netns.ts';
import { loadTun, measurePair, unloadTun } from './module-pair.ts';
import { BUILDS, type Build } from './tun-modules.ts';

const folder = process.env.TUN_BUILDS ?? '';
const skip = folder === '' && 'the two builds of tun are for Linux 7.3, or could not be made: see above';

test('tun with and without the NAPI cache', { skip }, async (t) => {
  await dismissStanding();
  t.after(async () => {
    await unloadTun();
    execFileSync('modprobe', ['-a', 'tun', 'vhost_net']);
  });
  for (const build of BUILDS) {
    await loadTun(folder, build);
    await t.test(`${build}: its way of freeing packets is known`, () => saysSo(build));
    await t.test(`${build}: guest-to-guest UDP is counted exactly`, (t) => countsPair(t, build));
    await t.test(`${build}: drop reasons`, (t) => givesReasons(t, build));
  }
});

async function saysSo(build: Build): Promise<void> {
  const { stdout } = await tapscope(['doctor', '--verbose']);
  const used = build === 'cached';
  assert.match(stdout, used ? /^NAPI cache: used \(/m : /^NAPI cache: nothing to count/m);
  assert.match(stdout, used ? /^deferred free: used \(/m : /^deferred free: nothing to count/m);
}

/** bench compares each of its counts with the guests', and measurePair() throws if one disagrees. */
async function countsPair(t: TestContext, build: Build): Promise<void> {
  const { received, lost, there, elsewhere, deferred } = await measurePair(0.5);
  t.diagnostic(JSON.stringify({ received, lost, there, elsewhere, deferred }));
  assert.ok(received > 0);
  assert.equal(there + elsewhere + deferred, received);
  // Who would free a packet of another CPU gives it back.
  assert.equal(build === 'cached' ? elsewhere : deferred, 0);
}

/** The packets that are lost on either build, and what the patch has to say of them. */
async function givesReasons(t: TestContext, build: Build): Promise<void> {
  const agent = await agentLab(t);
  const lab = await namespaceLab(t);
  const testReader = await lab.testReader();
  await testReader.open('a', 'tap0', 'tap', 'vnet');
  const peer = await lab.raise('tap0', 100);
  await testReader.udp(peer, 9, 20, 64);
  await testReader.readBad('a', 3);
  const { packets } = await testReader.read('a', 'all');
  assert.equal(packets, 17);
  await testReader.write('a', 5, 60, { wrong: 'badheader' });
  const { queues } = await agent.device(lab.inode, 'tap0');
  // The accounting takes failed reads in tx_dropped for packets that never entered: docs/benchmarks.md.
  assert.equal(queues[0]?.counters?.offered, build === 'cached' ? 17 : 20);
  assert.equal(queues[0]?.counters?.delivered, 17);
  await sameAsKernel(agent, lab.inode, await lab.link('tap0'), build);
}

interface Link {
  readonly txDropped: number;
  readonly rxDropped: number;
}

async function sameAsKernel(agent: AttachedLab, netns: number, link: Link, build: Build): Promise<void> {
  const { uncounted, receive, counters } = await agent.device(netns, 'tap0');
  const cached = build === 'cached';
  assert.equal(uncounted.find(({ cause }) => cause === 'failed')?.packets, 3);
  assert.equal(counters?.txDropped, link.txDropped);
  assert.equal(link.txDropped, cached ? 3 : 0);
  assert.deepEqual(receive?.dropped, [
    { reason: cached ? 'DEV_HDR' : 'NOT_SPECIFIED', location: 'tun_get_user', packets: 5 },
  ]);
}

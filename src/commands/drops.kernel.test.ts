// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel, alone.
// `tapscope drops` as built: what it shows and what it says it did not show are what the kernel counted, to the packet.
import assert from 'node:assert/strict';
import test, { describe, type TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { followDrops, notShown } from '../../test/agent/follow-drops.ts';
import { startAgent } from '../../test/agent/serve-process.ts';
import { at, listAt, numberAt } from '../../test/host/checked-json.ts';
import { namespaceLab, noLab } from '../../test/host/netns.ts';

const TUN = 'tun FULL_RING tun_net_xmit';

for (const mechanism of ['best', 'raw-tracepoint'])
  test(`a full ring, then a reader that leaves, second by second: ${mechanism}`, { skip: noLab }, (t) =>
    followFullRing(t, mechanism === 'best' ? [] : ['--mechanism', `freed=${mechanism}`]),
  );

async function followFullRing(t: TestContext, flags: readonly string[]): Promise<void> {
  const lab = await namespaceLab(t);
  const testReader = await lab.testReader();
  await testReader.open('a', 'tap0', 'tap', 'persist');
  const peer = await lab.raise('tap0', 100);
  await testReader.udp(peer, 9, 130, 64); // before `drops` follows
  const followed = await followDrops(t, ['--netns', lab.name, ...flags]);
  await testReader.udp(peer, 9, 50, 64);
  await testReader.close('a');
  const { code, losses, totals, stderr, summary } = await followed.end();
  assert.deepEqual([code, stderr], [0, '']);
  const expected = { [`tap0 ${TUN}`]: 50, 'tap0 purged NOT_SPECIFIED tun_queue_purge': 100 };
  assert.deepEqual(losses, expected);
  assert.deepEqual(totals, expected);
  assert.equal((await lab.link('tap0')).txDropped, 30 + 50);
  assert.deepEqual([summary.lost, summary.untraced], [150, 0]);
}

test('single packets: shown and not shown are all, and each says whose it is', { skip: noLab }, async (t) => {
  const lab = await namespaceLab(t);
  const testReader = await lab.testReader();
  await testReader.open('a', 'tap0', 'tap');
  const peer = await lab.raise('tap0', 10);
  const followed = await followDrops(t, ['tap0', '--netns', String(lab.inode), '--rate-limit', '20', '--stack']);
  await testReader.udp(peer, 9, 210, 64);
  const { packets, stacks, summary } = await followed.end();
  assert.equal(summary.shown, packets.length);
  assert.ok(packets.length >= 20 && packets.length < 30, `${packets.length} packets`);
  assert.equal(summary.shown + notShown(summary), (await lab.link('tap0')).txDropped);
  assert.deepEqual([summary.lost, summary.overLimit, summary.noRoom], [200, 200 - packets.length, 0]);
  for (const packet of packets) {
    const { protocol, source, destination, destinationPort } = flowOf(packet);
    const address = peer.replace(/2$/, '1');
    assert.deepEqual([protocol, source, destination, destinationPort], ['UDP', address, peer, 9]);
    assert.deepEqual([at(packet, 'bytes'), at(packet, 'queue'), at(packet, 'where')], [64 + 42, 0, 'tun']);
    assert.deepEqual([at(packet, 'reason'), at(packet, 'location')], ['FULL_RING', 'tun_net_xmit']);
    const ageMs = Date.now() - 1000 * numberAt(packet, 'takenAt');
    assert.ok(ageMs >= 0 && ageMs < 60_000, `${ageMs} ms old`);
  }
  assert.equal(stacks.length, 1);
  const [first, ...callers] = listAt(stacks[0], 'frames');
  assert.equal(first, 'tun_net_xmit');
  assert.ok(callers.includes('udp_sendmsg'), callers.join());
});

test('losses before tun, with the function that freed them', { skip: noLab }, async (t) => {
  const lab = await namespaceLab(t);
  const testReader = await lab.testReader();
  await testReader.open('a', 'tap0', 'tap');
  const peer = await lab.raise('tap0', 1000);
  await lab.tc('qdisc replace dev tap0 root tbf rate 8kbit burst 1540 limit 5000');
  const followed = await followDrops(t, ['--netns', lab.name]);
  await testReader.udp(peer, 9, 100, 64);
  const { losses, summary } = await followed.end();
  const [tbf] = await lab.qdisc('tap0');
  assert.ok(tbf && tbf.dropped > 0);
  assert.equal(summary.lost, tbf.dropped);
  assert.ok(
    Object.keys(losses).every((name) => /^tap0 before \w+ \w+$/.test(name)),
    Object.keys(losses).join(),
  );
});

test('a tap without a reader: what the core counts too is told once', { skip: noLab }, async (t) => {
  const lab = await namespaceLab(t);
  const testReader = await lab.testReader();
  await testReader.open('a', 'tap0', 'tap', 'persist');
  await lab.raise('tap0', 100);
  await testReader.close('a');
  await lab.exec('sh', '-c', 'until ip link show tap0 | grep -q "state DOWN"; do sleep 0.1; done');
  const followed = await followDrops(t, ['tap0', '--netns', lab.name, '--packets']);
  await testReader.packet('tap0', 20, 60);
  const { packets, summary } = await followed.end();
  assert.deepEqual([summary.lost, summary.shown, summary.untraced], [20, 20, 0]);
  assert.ok(packets.every((packet) => at(packet, 'where') === 'before' && at(packet, 'queue') === null));
});

describe('of devices of their own, side by side: most of their time they wait', { concurrency: 4 }, () => {
  test('only what was asked for: device, process, virtual machine, reason', { skip: noLab }, async (t) => {
    const lab = await namespaceLab(t);
    const guest = await lab.testReader('qemu-system-x86_64', '-name', 'guest=web1');
    const other = await lab.testReader();
    await guest.open('a', 'tap0', 'tap');
    await other.open('b', 'tap1', 'tap');
    const [toGuest, toOther] = [await lab.raise('tap0', 10), await lab.raise('tap1', 10)];
    const inside = ['--netns', lab.name];
    const cases = [
      { args: ['tap1'], losses: { [`tap1 ${TUN}`]: 7 } },
      { args: ['--process', String(other.pid)], losses: { [`tap1 ${TUN}`]: 7 } },
      { args: ['--vm', 'web1'], losses: { [`tap0 ${TUN}`]: 5 } },
      { args: ['--reason', 'FULL_RING'], losses: { [`tap0 ${TUN}`]: 5, [`tap1 ${TUN}`]: 7 } },
      { args: ['--reason', 'TAP_FILTER', '--stack'], losses: {} },
    ];
    await other.udp(toGuest, 9, 10, 64);
    await other.udp(toOther, 9, 10, 64);
    const all = await Promise.all(cases.map(({ args }) => followDrops(t, [...inside, ...args])));
    await other.udp(toGuest, 9, 5, 64);
    await other.udp(toOther, 9, 7, 64);
    for (const [i, followed] of all.entries()) {
      const { losses, stacks } = await followed.end();
      assert.deepEqual([losses, stacks], [cases[i]?.losses, []], cases[i]?.args.join(' '));
    }
  });

  test('a device that appears while `drops` follows', { skip: noLab }, async (t) => {
    const lab = await namespaceLab(t);
    const testReader = await lab.testReader();
    await testReader.open('a', 'tap0', 'tap');
    const followed = await followDrops(t, []);
    await testReader.open('b', 'late-tap', 'tap');
    await testReader.udp(await lab.raise('late-tap', 10), 9, 17, 64);
    const { losses } = await followed.end();
    assert.equal(losses[`late-tap ${TUN}`], 7);
  });

  test('devices that vanish while `drops` follows, and come back under their names', { skip: noLab }, async (t) => {
    const lab = await namespaceLab(t);
    const testReader = await lab.testReader();
    const followed = await followDrops(t, []);
    for (const round of [1, 2]) {
      await testReader.open('a', 'brief-tap', 'tap');
      await testReader.udp(await lab.raise('brief-tap', 10), 9, 10 + round, 64);
      await wait(2500); // it is seen, and later missed
      await testReader.close('a');
      await wait(3500);
    }
    const { losses, totals } = await followed.end();
    assert.equal(losses[`brief-tap ${TUN}`], 1 + 2);
    assert.equal(losses['brief-tap purged NOT_SPECIFIED tun_queue_purge'], 10 + 10);
    assert.equal(totals[`brief-tap ${TUN}`], 1 + 2);
  });
});

test('beside an agent, which counts the same', { skip: noLab }, async (t) => {
  const lab = await namespaceLab(t);
  const agent = await startAgent(t, ['--budget=off']);
  const testReader = await lab.testReader();
  await testReader.open('a', 'tap0', 'tap');
  const peer = await lab.raise('tap0', 10);
  const followed = await followDrops(t, ['--netns', lab.name]);
  await testReader.udp(peer, 9, 33, 64);
  const { losses } = await followed.end();
  const labels = { netns: String(lab.inode), device: 'tap0', queue: '0', reason: 'FULL_RING' };
  const counted = (await agent.metrics()).value('tapscope_queue_dropped_packets_total', labels);
  assert.deepEqual([losses, counted], [{ [`tap0 ${TUN}`]: 23 }, 23]);
});

function flowOf(packet: unknown): Readonly<Record<string, unknown>> {
  const of = (name: string): unknown => at(packet, 'flow', name);
  return {
    protocol: of('protocol'),
    source: of('source'),
    destination: of('destination'),
    destinationPort: of('destinationPort'),
  };
}

// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel, alone, nftables.
// `tapscope drops --follow`: what a guest sent and the host or another namespace lost, to the packet, on a terminal of 80 columns too.
import assert from 'node:assert/strict';
import test from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { stripVTControlCharacters } from 'node:util';
import { followDrops } from '../../test/agent/follow-drops.ts';
import { tapscope } from '../../test/agent/serve-process.ts';
import { bridgeToVeth } from '../../test/host/bridge.ts';
import { datagram, ethernet } from '../../test/host/frames.ts';
import { macOf, type NamespaceLab, namespaceLab, noLab } from '../../test/host/netns.ts';
import { routeToVeth } from '../../test/host/routed-veth.ts';
import type { TestReader } from '../../test/test-reader/test-reader.ts';

const skip = noLab;

interface Scene {
  readonly lab: NamespaceLab;
  readonly far: NamespaceLab;
  /** So many packets to port 10, which the firewall of `far` drops, and to port 11, which that of `lab` drops. */
  send(beyond: number, after: number): Promise<void>;
  readonly guest: TestReader;
}

/** A tap that the host routes to `up0`, a veth whose other end is in another namespace. */
async function scene(t: Parameters<typeof namespaceLab>[0]): Promise<Scene> {
  const [lab, far] = [await namespaceLab(t), await namespaceLab(t)];
  const guest = await lab.testReader();
  await guest.open('a', 'tap0', 'tap');
  await routeToVeth(lab, far);
  for (const [each, hook, port] of [
    [lab, 'forward', 11],
    [far, 'input', 10],
  ] as const) {
    await each.exec('nft', `add table ip f; add chain ip f c { type filter hook ${hook} priority 0; }`);
    await each.exec('nft', `add rule ip f c udp dport ${port} drop`);
  }
  const mac = await macOf(lab, 'tap0');
  const to = (port: number): Buffer => ethernet(mac, datagram({ from: '10.71.0.2', to: '10.99.0.2', port }));
  const send = async (beyond: number, after: number): Promise<void> => {
    await guest.frame('a', beyond, to(10));
    await guest.frame('a', after, to(11));
  };
  return { lab, far, guest, send };
}

test('what a guest sent is told where it was lost: by the host, and behind a veth', { skip }, async (t) => {
  const { lab, send } = await scene(t);
  await send(5, 5); // before `drops` follows
  const followed = await followDrops(t, ['tap0', '--netns', lab.name]);
  await send(21, 22);
  await wait(1500);
  const { code, losses, totals, elsewhere, summary } = await followed.end();
  // The function is another one on other kernels.
  const byPlace = (counts: typeof losses): Record<string, number> =>
    Object.fromEntries(Object.entries(counts).map(([name, packets]) => [name.replace(/ \w+$/, ''), packets]));
  const expected = { 'tap0 after NETFILTER_DROP': 22, 'tap0 beyond NETFILTER_DROP': 21 };
  assert.deepEqual([code, byPlace(losses), totals, summary.lost], [0, expected, {}, 0]);
  assert.deepEqual(elsewhere, losses);
});

test('what a guest wrote and tun freed', { skip }, async (t) => {
  const lab = await namespaceLab(t);
  const guest = await lab.testReader();
  await guest.open('a', 'tun0', 'tun');
  await lab.ip('link set tun0 up');
  const followed = await followDrops(t, ['tun0', '--netns', lab.name]);
  await guest.write('a', 6, 100, { wrong: 'noip' });
  await wait(1500);
  const { code, losses, elsewhere, summary } = await followed.end();
  assert.deepEqual(losses, { 'tun0 written NOT_SPECIFIED tun_get_user': 6 });
  assert.deepEqual([code, elsewhere, summary.lost], [0, losses, 0]);
});

/** Of a guest that the host knows as a neighbour on its bridge. */
const GUEST = '02:00:00:00:00:01';

test('what is for a guest and is lost at another device, by its address', { skip }, async (t) => {
  const lab = await namespaceLab(t);
  const guest = await lab.testReader();
  await guest.open('a', 'tap0', 'tap');
  await guest.readLoop('a', 0);
  await bridgeToVeth(lab, ['tap0']);
  await lab.ipBatch(['addr add 10.90.0.1/24 dev ve0', `neigh replace 10.90.0.2 lladdr ${GUEST} dev ve0 nud permanent`]);
  await lab.exec('bridge', 'fdb', 'replace', GUEST, 'dev', 'tap0', 'master', 'dynamic');
  await guest.xdp('ve1', 'drop', 'generic');
  const followed = await followDrops(t, ['tap0', '--netns', lab.name]);
  const sender = await lab.testReader();
  // The addresses behind its port are known to the probes a moment after the first line.
  for (let round = 0; round < 30; round++) {
    await sender.udp('10.90.0.2', 9, 10, 64);
    await wait(100);
  }
  const { code, losses, elsewhere, summary } = await followed.end();
  const [[name, packets] = assert.fail('nothing was told'), ...others] = Object.entries(losses);
  assert.match(name, /^tap0 before (XDP|NOT_SPECIFIED) \w+$/);
  assert.ok(packets > 0 && packets <= 300, `${packets} packets`);
  assert.deepEqual([code, others, elsewhere, summary.lost], [0, [], losses, 0]);
});

test('on a terminal of 80 columns no line is longer', { skip }, async (t) => {
  const { lab, far, send } = await scene(t);
  const wrapper = ['ip', 'netns', 'exec', lab.name, 'sh', '-c', 'exec script -qec "stty cols 80; $*" /dev/null', 'sh'];
  let ended = false;
  const told = tapscope(['drops', '--netns', lab.name, '--follow', '--for', '4'], { wrapper }).finally(() => {
    ended = true;
  });
  while (!ended) {
    await send(2, 3);
    await wait(100);
  }
  const { stdout } = await told;
  const lines = stripVTControlCharacters(stdout).split(/[\r\n]+/);
  t.diagnostic(lines.join('\n'));
  assert.ok(lines.some((line) => / tap0 +\d+ beyond {2}NETFILTER_DROP \w+ in /.test(line)));
  assert.ok(lines.join(' ').replace(/\s+/g, ' ').includes(` in ${far.name} `));
  assert.deepEqual(
    lines.filter((line) => line.length > 80),
    [],
  );
});

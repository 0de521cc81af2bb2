// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel.
// An IPv6 route that has gone, as when accept_ra ends with forwarding, and forwarding that is off: told to who asks; with both there, nothing is.
import test from 'node:test';
import { assertTold, CLEAN, often } from '../../test/agent/asked-tap.ts';
import { scene } from '../../test/agent/on-call.ts';
import { datagram, ethernet, GUEST } from '../../test/host/frames.ts';
import { macOf, namespaceLab, noLab } from '../../test/host/netns.ts';
import { routeToVeth } from '../../test/host/routed-veth.ts';

const IPV6 = 0x86dd;

for (const [name, { isRouted, forwards }, told] of [
  ['the route has gone', { isRouted: false, forwards: 1 }, /^warning: host-refuses .*no route for their destination/],
  ['forwarding is off', { isRouted: true, forwards: 0 }, /^warning: host-refuses .*does not forward IPv6/],
  ['the host forwards', { isRouted: true, forwards: 1 }, CLEAN],
] as const)
  test(`IPv6: ${name}`, { skip: noLab }, async (t) => {
    const one = await scene(t, 1000);
    const far = await namespaceLab(t);
    const { lab, reader } = one;
    await reader.readLoop('a', 0);
    await routeToVeth(lab, far);
    const enabled = (...devices: readonly string[]): readonly string[] =>
      devices.map((device) => `net.ipv6.conf.${device}.disable_ipv6=0`);
    await lab.exec('sysctl', '-q', ...enabled('all', 'tap0', 'up0'), `net.ipv6.conf.all.forwarding=${forwards}`);
    await far.exec('sysctl', '-q', ...enabled('all', 'far0'));
    await far.ipBatch(['addr add fd01::2/64 dev far0 nodad', 'addr add 2001:db8::9/64 dev far0 nodad']);
    await lab.ipBatch([
      'addr add fd00::1/64 dev tap0 nodad',
      'addr add fd01::1/64 dev up0 nodad',
      `neigh replace fd00::2 lladdr ${GUEST} dev tap0 nud permanent`,
      `neigh replace fd01::2 lladdr ${await macOf(far, 'far0')} dev up0 nud permanent`,
      ...(isRouted ? ['route add 2001:db8::/64 via fd01::2 dev up0'] : []),
    ]);
    await (await far.testReader()).bind(9, 8_000_000);
    const packet = datagram({ from: 'fd00::2', to: '2001:db8::9', port: 9 });
    const frame = ethernet(await macOf(lab, 'tap0'), packet, IPV6);
    often(one, 100, () => reader.frame('a', 5, frame));
    await assertTold(one, told);
  });

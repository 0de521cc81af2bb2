// SPDX-License-Identifier: Apache-2.0
// What a guest sends, into another namespace: the host forwards from its tap to a veth.
import { macOf, type NamespaceLab } from './netns.ts';

/**
 * Of `lab`: tap0, which is there, with 10.71.0.1, and `up0` with 10.99.0.1, whose other end is `far0` of `far`, with 10.99.0.2. `lab` knows the MAC
 * address of that.
 */
export async function routeToVeth(lab: NamespaceLab, far: NamespaceLab): Promise<void> {
  for (const each of [lab, far])
    await each.exec('sysctl', '-q', 'net.ipv4.ip_forward=1', 'net.ipv4.conf.all.rp_filter=0');
  await lab.ipBatch([
    `link add up0 type veth peer name far0 netns ${far.name}`,
    ...['tap0', 'up0'].map((device) => `link set ${device} addrgenmode none up`),
    'addr add 10.71.0.1/24 dev tap0',
    'addr add 10.99.0.1/24 dev up0',
  ]);
  await far.ipBatch(['link set far0 addrgenmode none up', 'addr add 10.99.0.2/24 dev far0']);
  await lab.ip(`neigh replace 10.99.0.2 lladdr ${await macOf(far, 'far0')} dev up0 nud permanent`);
}

// SPDX-License-Identifier: Apache-2.0
// Ways through the host, as people build them.
import { ethernet, tagged } from '../host/frames.ts';
import { macOf } from '../host/netns.ts';
import { acquaint, BEYOND, type Ends, type Path, PEER, peerAt, plug, QUEUE, type Site, toPeer } from './path.ts';

/** Packets to a socket of the host itself, by `device` of near. */
async function local(site: Site, device: string): Promise<Ends> {
  await site.near.ip(`addr add ${PEER}/24 dev ${device}`);
  await acquaint(site.near, device);
  const mac = await macOf(site.near, device);
  return {
    device: 'tap0',
    peer: site.near,
    peerAddress: PEER,
    frame: (packet) => ethernet(mac, packet),
    refused: {
      'no socket': toPeer(PEER, 11),
      'wrong checksum': toPeer(PEER, 11, { badChecksum: true }),
      'another host': toPeer('10.71.0.77'),
    },
  };
}

/** The host is the guest's router. */
async function routed(site: Site): Promise<Ends> {
  const { near, far } = site;
  const ends = await local(site, 'tap0');
  await near.exec('sysctl', '-q', 'net.ipv4.ip_forward=1', 'net.ipv4.conf.all.rp_filter=0');
  await near.ip('addr add 10.99.0.1/24 dev up0');
  await far.ipBatch([`addr add ${BEYOND}/24 dev far0`, 'route add 10.71.0.0/24 via 10.99.0.1']);
  await near.ip(`neigh replace ${BEYOND} lladdr ${await macOf(far, 'far0')} dev up0 nud permanent`);
  await far.ip(`neigh replace 10.99.0.1 lladdr ${await macOf(near, 'up0')} dev far0 nud permanent`);
  const nowhere = { 'no route': toPeer('10.98.0.1'), 'hop limit': toPeer(BEYOND, 9, { ttl: 1 }) };
  return {
    ...ends,
    peer: far,
    peerAddress: BEYOND,
    leavesBy: 'up0',
    refused: { 'no socket': toPeer(PEER, 11), ...nowhere },
  };
}

const BLOCKED = 12;

function redirect({ near }: Site, from: string, to: string): Promise<unknown> {
  const match = 'protocol all u32 match u32 0 0 action mirred egress redirect';
  return near
    .tc(`qdisc add dev ${from} ingress`)
    .then(() => near.tc(`filter add dev ${from} parent ffff: ${match} dev ${to}`));
}

/** Ports of a bridge of near, which forward at once. */
function bridge({ near }: Site, name: string, options: string, ...ports: readonly string[]): Promise<void> {
  return near.ipBatch([
    `link add ${name} type bridge mcast_snooping 0 forward_delay 0 ${options}`,
    ...ports.flatMap((port) => [`link set ${port} up`, `link set ${port} master ${name}`]),
    `link set ${name} up`,
  ]);
}

export const PATHS: readonly Path[] = [
  {
    name: 'a socket of the host',
    build: async (site) => {
      await plug(site);
      return local(site, 'tap0');
    },
  },
  {
    name: 'routed',
    build: async (site) => {
      await plug(site);
      return routed(site);
    },
  },
  {
    name: 'routed, by a firewall that drops one port both ways',
    build: async (site) => {
      await plug(site);
      const chain = 'add chain ip f c { type filter hook forward priority 0; }';
      await site.near.exec('nft', `add table ip f; ${chain}; add rule ip f c udp dport ${BLOCKED} drop`);
      const ends = await routed(site);
      return { ...ends, blocked: BLOCKED, refused: { firewall: toPeer(BEYOND, BLOCKED) } };
    },
  },
  {
    name: 'NAT',
    build: async (site) => {
      await plug(site);
      const chain = 'add chain ip nat post { type nat hook postrouting priority 100; }';
      await site.near.exec('nft', `add table ip nat; ${chain}; add rule ip nat post oifname up0 masquerade`);
      return routed(site);
    },
  },
  {
    name: 'a bridge',
    build: async (site) => {
      await plug(site);
      await bridge(site, 'br0', '', 'tap0', 'up0');
      return peerAt(site, 'far0');
    },
  },
  {
    name: 'a bridge that filters VLANs',
    build: async (site) => {
      await plug(site);
      await bridge(site, 'br0', 'vlan_filtering 1 vlan_default_pvid 7', 'tap0', 'up0');
      return peerAt(site, 'far0');
    },
  },
  {
    name: 'a bridge that is a socket’s too',
    build: async (site) => {
      await plug(site);
      await bridge(site, 'br0', '', 'tap0', 'up0');
      const ends = await local(site, 'br0');
      return { ...ends, refused: { 'no socket': toPeer(PEER, 11) } };
    },
  },
  {
    name: 'two bridges and a veth in the same namespace',
    build: async (site) => {
      await plug(site, 'link add va type veth peer name vb');
      await bridge(site, 'br0', '', 'tap0', 'va');
      await bridge(site, 'br1', '', 'vb', 'up0');
      return { ...(await peerAt(site, 'far0')), leavesBy: 'va' };
    },
  },
  {
    name: 'VXLAN on a bridge',
    build: async (site) => {
      const { far } = site;
      const tunnel = (other: string, device: string): string =>
        `link add vx0 type vxlan id 7 remote ${other} dstport 4789 dev ${device}`;
      await plug(site, 'addr add 10.99.0.1/24 dev up0', tunnel(BEYOND, 'up0'));
      await far.ipBatch([`addr add ${BEYOND}/24 dev far0`, tunnel('10.99.0.1', 'far0'), 'link set vx0 up']);
      await bridge(site, 'br0', '', 'tap0', 'vx0');
      return { ...(await peerAt(site, 'vx0')), leavesBy: 'vx0' };
    },
  },
  {
    name: 'tc from cable to tap and back',
    build: async (site) => {
      await plug(site);
      await redirect(site, 'tap0', 'up0');
      await redirect(site, 'up0', 'tap0');
      return peerAt(site, 'far0');
    },
  },
  {
    name: 'an IFB before the host',
    build: async (site) => {
      await plug(site, 'link add ifb0 type ifb', 'link set ifb0 up');
      await redirect(site, 'tap0', 'ifb0');
      const ends = await local(site, 'tap0');
      return { ...ends, refused: {} };
    },
  },
  {
    name: 'an XDP program that lets all pass',
    build: async (site) => {
      await plug(site);
      await site.host.xdp('tap0', 'pass');
      return local(site, 'tap0');
    },
  },
  {
    name: 'a VLAN device',
    build: async (site) => {
      await plug(site, 'link add link tap0 name tap0.5 type vlan id 5', 'link set tap0.5 up');
      const ends = await local(site, 'tap0.5');
      const mac = await macOf(site.near, 'tap0');
      return { ...ends, frame: (packet) => tagged(5, ethernet(mac, packet)), refused: {} };
    },
  },
  {
    name: 'two other ports of a bridge that does not know the peer',
    build: async (site) => {
      await plug(site, 'link add va type veth peer name vb', 'link set vb up');
      await bridge(site, 'br0', '', 'tap0', 'va', 'up0');
      for (const port of ['up0', 'va']) await site.near.exec('bridge', 'link', 'set', 'dev', port, 'learning', 'off');
      return { ...(await peerAt(site, 'far0')), leavesBy: undefined, copies: 2 };
    },
  },
  {
    name: 'a tun and a socket of the host',
    build: async (site) => {
      await site.guest.open(QUEUE, 'tap0', 'tun');
      await site.near.ipBatch(['link set tap0 up', `addr add ${PEER}/24 dev tap0`]);
      return {
        device: 'tap0',
        peer: site.near,
        peerAddress: PEER,
        frame: (packet) => packet,
        refused: { 'no socket': toPeer(PEER, 11), 'wrong checksum': toPeer(PEER, 11, { badChecksum: true }) },
      };
    },
  },
];

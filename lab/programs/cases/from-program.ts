// SPDX-License-Identifier: Apache-2.0
// What becomes of the packets that a program or its guest writes: filtered, redirected, read as something else, meant for another, damaged.
import { macOf } from '../../../test/host/netns.ts';
import { type Case, calm, ETHERNETS } from '../case.ts';
import { SINK_PORT } from '../counted-traffic.ts';
import { FAR, NEAR } from '../places.ts';
import type { Scene } from '../scene.ts';
import { answering, TC_SHOT } from './bpf-object.ts';

/** Linux drops nothing here by `matchall action drop` where it was built without that. */
async function dropAtIngress(scene: Scene): Promise<void> {
  const { near, running } = scene;
  const object = answering(scene, 'classifier', TC_SHOT);
  await near.tc(`qdisc add dev ${running.device} clsact`);
  scene.after(() => near.tc(`qdisc del dev ${running.device} clsact`));
  await near.exec('tc', ...`filter add dev ${running.device} ingress bpf da obj ${object} sec classifier`.split(' '));
}

/** All that comes in by one device leaves by another. */
export async function redirect(scene: Scene, from: string, to: string): Promise<void> {
  const { near } = scene;
  await near.tc(`qdisc add dev ${from} ingress`);
  scene.after(() => near.tc(`qdisc del dev ${from} ingress`));
  await near.tc(
    `filter add dev ${from} parent ffff: protocol all u32 match u32 0 0 action mirred egress redirect dev ${to}`,
  );
}

const PI_PORT = 7100;
const PI_NET = '10.55.0';

/** A tunnel of two socats: the near one asks for a header before each packet (no IFF_NO_PI), the far one sends none. */
async function mismatched(scene: Scene): Promise<void> {
  const { near, stage } = scene;
  const words = (name: string, host: number, options: string, own: string, other: string): readonly string[] => [
    'socat',
    `TUN:${PI_NET}.${host}/24,tun-name=${name},up${options}`,
    `UDP4-DATAGRAM:${other}:${PI_PORT},bind=${own}:${PI_PORT}`,
  ];
  scene.run(near, ...words('pi0', 1, '', NEAR, FAR));
  scene.run(stage.far, ...words('pi1', 2, ',iff-no-pi', FAR, NEAR));
  const isUp = 'until ip -o addr show dev "$0" 2>/dev/null | grep -q inet; do sleep 0.1; done';
  await near.exec('sh', '-c', isUp, 'pi0');
  await stage.far.exec('sh', '-c', isUp, 'pi1');
  scene.device = 'pi0';
  await scene.send(300, { from: stage.far, to: `${PI_NET}.1` });
}

/** The device gets another link address, and what lies beyond it sends to the old one. */
async function forgetAddress(scene: Scene): Promise<void> {
  const { near, running } = scene;
  const old = await macOf(near, running.device);
  // The guest's busybox knows only the older command.
  const [set, unset] =
    running.vm === ''
      ? [
          `ip neigh replace ${running.here} lladdr ${old} dev sct1 nud permanent`,
          `ip neigh del ${running.here} dev sct1`,
        ]
      : [`arp -s ${running.here} ${old}`, `arp -d ${running.here}`];
  await running.remote(set);
  scene.after(() => running.remote(unset));
  await near.ip(`link set ${running.device} address 02:00:00:00:99:01`);
  scene.after(() => near.ip(`link set ${running.device} address ${old}`));
  await scene.sendBack(300);
}

/** The far host writes a wrong checksum into each datagram, as a guest that leaves it to a card which does not do it. */
async function damageChecksums(scene: Scene): Promise<void> {
  const { far } = scene.stage;
  const rule = `udp dport ${SINK_PORT} udp checksum set 0x1234`;
  await far.exec(
    'nft',
    `add table ip damage; add chain ip damage c { type filter hook output priority 0; }; add rule ip damage c ${rule}`,
  );
  scene.after(() => far.exec('nft', 'delete table ip damage'));
  await scene.sendBack(300);
}

/** The kernel’s own count of datagrams that a host dropped for their checksum. */
async function badChecksums({ near }: Scene): Promise<number> {
  const [names = [], values = []] = (await near.exec('sh', '-c', 'grep ^Udp: /proc/net/snmp'))
    .trim()
    .split('\n')
    .map((line) => line.split(' '));
  return Number(values[names.indexOf('InCsumErrors')]);
}

export const FROM_PROGRAM: readonly Case[] = [
  {
    name: 'a tc filter drops what the program sends',
    programs: ['openvpn', 'qemu', 'socat'],
    expected: ['host-refuses'],
    play: async (scene) => {
      await dropAtIngress(scene);
      await scene.sendBack(300);
    },
  },
  {
    name: 'tc redirects what the program sends to a device that is down',
    programs: ['openvpn', 'qemu'],
    expected: ['redirected-away'],
    play: async (scene) => {
      const { near, running } = scene;
      await near.ip('link add dead0 type veth peer name dead1');
      scene.after(() => near.ip('link del dead0'));
      await redirect(scene, running.device, 'dead0');
      await scene.sendBack(300);
    },
  },
  {
    name: 'the program writes packets without the header that it asked for',
    programs: ['socat'],
    expected: ['host-refuses'],
    play: mismatched,
  },
  {
    name: 'the program sends to an address that the device had before',
    programs: ETHERNETS,
    expected: ['host-refuses'],
    play: forgetAddress,
  },
  {
    name: 'the program sends wrong checksums',
    programs: ['openvpn', 'socat'],
    expected: ['host-refuses'],
    harm: badChecksums,
    play: damageChecksums,
  },
  {
    name: 'a sniffer beside it that does not keep up',
    programs: ['openvpn', 'qemu'],
    play: async (scene) => {
      const sniffer = await scene.near.testReader();
      await sniffer.sniff(scene.running.device, true);
      scene.after(() => sniffer.quit());
      await scene.sendBack(calm(scene));
    },
  },
];

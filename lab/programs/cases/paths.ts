// SPDX-License-Identifier: Apache-2.0
// The way to the device and back: down, filtered by XDP, too long for it, without a neighbour, without a reader.
import { setTimeout as wait } from 'node:timers/promises';
import { ALL, type Case, GUESTS } from '../case.ts';
import { NEAR_INNER, SOURCE } from '../places.ts';
import type { Scene } from '../scene.ts';
import { answering, XDP_DROP } from './bpf-object.ts';
import { bridge } from './bridge.ts';

async function dropByXdp(scene: Scene, mode: 'xdpgeneric' | 'xdpdrv'): Promise<void> {
  const { near, running } = scene;
  const object = answering(scene, 'xdp', XDP_DROP);
  await near.ip(`link set ${running.device} ${mode} obj ${object} sec xdp`);
  scene.after(() => near.ip(`link set ${running.device} ${mode} off`));
}

async function tooLong(scene: Scene): Promise<void> {
  await bridge(scene);
  await scene.near.ip('link set tap0 mtu 1400');
  scene.after(() => scene.near.ip('link set tap0 mtu 1500'));
  await scene.near.ip('link set br0 mtu 3000').catch(() => {});
  await scene.send(200, { from: scene.stage.source, size: 1450 });
}

export const PATHS: readonly Case[] = [
  {
    name: 'device set down',
    programs: ALL,
    // A guest goes on sending: then what is refused is told first, with the reason.
    expected: ['device-down', 'writer-refused'],
    play: async (scene) => {
      const { near, running, stage } = scene;
      await scene.send(300, { from: stage.source });
      await wait(1000);
      const routes = (await near.ip(`route show dev ${running.device}`)).trim().split('\n');
      await near.ip(`link set ${running.device} down`);
      scene.after(async () => {
        await near.ip(`link set ${running.device} up`);
        for (const route of routes)
          await near.ip(`route replace ${route.trim().split(' proto')[0]} dev ${running.device}`);
      });
    },
  },
  {
    name: 'XDP drops what the program writes',
    programs: ['openvpn', 'qemu'],
    expected: ['xdp-drop'],
    play: async (scene) => {
      await dropByXdp(scene, 'xdpgeneric');
      await scene.sendBack(300);
    },
  },
  {
    name: 'native XDP drops what the guest sends',
    programs: GUESTS,
    expected: ['xdp-drop'],
    play: async (scene) => {
      await dropByXdp(scene, 'xdpdrv');
      await scene.sendBack(300);
    },
  },
  {
    name: 'bridge: frames longer than the tap’s MTU',
    programs: GUESTS,
    expected: ['bridge-mtu'],
    play: async (scene) => {
      await scene.near.exec('sh', '-c', 'echo 0 >/proc/sys/net/bridge/bridge-nf-call-iptables || :');
      await tooLong(scene);
    },
  },
  {
    name: 'bridge with br_netfilter: frames longer than the tap’s MTU',
    programs: GUESTS,
    expected: ['bridge-mtu'],
    play: async (scene) => {
      await scene.near.exec('sh', '-c', 'echo 1 >/proc/sys/net/bridge/bridge-nf-call-iptables');
      await tooLong(scene);
    },
  },
  {
    name: 'nft drop in the bridge’s forward',
    programs: GUESTS,
    expected: ['host-firewall'],
    play: async (scene) => {
      await bridge(scene);
      const table = 'bridge lab';
      const rule = `add rule ${table} c ip protocol udp drop`;
      await scene.near.exec(
        'nft',
        `add table ${table}; add chain ${table} c { type filter hook forward priority 0; }; ${rule}`,
      );
      scene.after(() => scene.near.exec('nft', `delete table ${table}`));
      await scene.send(300, { from: scene.stage.source });
    },
  },
  {
    name: 'the guest answers no ARP',
    programs: GUESTS,
    expected: ['neighbour-failed'],
    play: async (scene) => {
      await scene.running.remote('ip link set eth0 arp off');
      scene.after(() => scene.running.remote('ip link set eth0 arp on'));
      await scene.near.exec('sh', '-c', 'ip neigh flush dev tap0');
      await scene.send(300);
    },
  },
  {
    name: 'rp_filter refuses what the guest sends from another address',
    programs: GUESTS,
    expected: ['host-refuses'],
    play: async (scene) => {
      await scene.near.exec('sysctl', '-qw', 'net.ipv4.conf.all.rp_filter=1', 'net.ipv4.conf.tap0.rp_filter=1');
      scene.after(() =>
        scene.near.exec('sysctl', '-qw', 'net.ipv4.conf.all.rp_filter=0', 'net.ipv4.conf.tap0.rp_filter=0'),
      );
      await scene.running.remote(
        `ip addr add ${SOURCE.replace(/2$/, '77')}/32 dev eth0; ip route replace ${NEAR_INNER} dev eth0 src ${SOURCE.replace(/2$/, '77')}`,
      );
      scene.after(() =>
        scene.running.remote(
          `ip route del ${NEAR_INNER} dev eth0; ip addr del ${SOURCE.replace(/2$/, '77')}/32 dev eth0`,
        ),
      );
      await scene.sendBack(300);
    },
  },
  {
    name: 'program killed, its device stays',
    programs: ['openvpn'],
    expected: ['no-reader'],
    play: async (scene) => {
      const { near } = scene;
      await near.ip('tuntap add dev per0 mode tun');
      scene.after(() => near.ip('link del per0'));
      const pid = scene.run(near, 'socat', '-u', 'TUN:10.55.0.1/24,tun-name=per0,iff-no-pi,up', 'OPEN:/dev/null');
      await wait(1000);
      await near.ipBatch(['addr replace 10.55.0.1/24 dev per0', 'link set per0 up']);
      scene.device = 'per0';
      await scene.send(300, { to: '10.55.0.2' });
      await wait(1500);
      process.kill(pid, 'SIGKILL');
    },
  },
];

// SPDX-License-Identifier: Apache-2.0
// Firewall rules that drop what was to go out by the device, in each hook and by both front ends; and rules that touch other traffic.
import { ALL, type Case, calm, GUESTS, VPNS } from '../case.ts';
import { SINK_PORT } from '../counted-traffic.ts';
import type { Scene } from '../scene.ts';

const FIREWALL: readonly string[] = ['host-firewall'];

async function nft(scene: Scene, chain: string, rule: string, family = 'inet'): Promise<void> {
  const { near } = scene;
  const table = `${family} lab`;
  scene.after(() => near.exec('nft', `delete table ${table}`));
  await near.exec('nft', `add table ${table}; add chain ${table} c { ${chain} }; add rule ${table} c ${rule}`);
}

async function legacy(scene: Scene, ...words: readonly string[]): Promise<void> {
  const rule = (what: string): Promise<string> => scene.near.exec('iptables-legacy', what, ...words);
  await rule('-A');
  scene.after(() => rule('-D'));
}

const dropsUdp = `udp dport ${SINK_PORT} drop`;
const fromSource = (scene: Scene): Promise<unknown> => scene.send(300, { from: scene.stage.source });

export const FIREWALLS: readonly Case[] = [
  {
    name: 'nft drop in forward',
    programs: ALL,
    expected: FIREWALL,
    play: async (scene) => {
      await nft(scene, 'type filter hook forward priority 0;', dropsUdp);
      await fromSource(scene);
    },
  },
  {
    name: 'nft drop of one half in forward',
    programs: VPNS,
    expected: FIREWALL,
    play: async (scene) => {
      await nft(scene, 'type filter hook forward priority 0;', `udp dport ${SINK_PORT} numgen random mod 2 0 drop`);
      await fromSource(scene);
    },
  },
  {
    name: 'nft drop of one half in prerouting',
    programs: VPNS,
    // The host has chosen no device yet: that so many packets were dropped is said, and the answer is not OK.
    expected: ['not-here'],
    play: async (scene) => {
      await nft(scene, 'type filter hook prerouting priority 0;', `udp dport ${SINK_PORT} numgen random mod 2 0 drop`);
      await fromSource(scene);
    },
  },
  {
    name: 'iptables-legacy DROP in FORWARD',
    programs: ALL,
    expected: FIREWALL,
    play: async (scene) => {
      await legacy(scene, 'FORWARD', '-p', 'udp', '-j', 'DROP');
      await fromSource(scene);
    },
  },
  {
    name: 'iptables-legacy DROP of one half in FORWARD',
    programs: ['openvpn', 'qemu'],
    expected: FIREWALL,
    play: async (scene) => {
      const half = ['-m', 'statistic', '--mode', 'random', '--probability', '0.5'];
      await legacy(scene, 'FORWARD', '-p', 'udp', ...half, '-j', 'DROP');
      await fromSource(scene);
    },
  },
  {
    name: 'nft drop in output',
    programs: ALL,
    expected: FIREWALL,
    play: async (scene) => {
      await nft(scene, 'type filter hook output priority 0;', dropsUdp);
      await scene.send(300);
    },
  },
  {
    name: 'iptables-legacy DROP in OUTPUT',
    programs: VPNS,
    expected: FIREWALL,
    play: async (scene) => {
      await legacy(scene, 'OUTPUT', '-p', 'udp', '--dport', String(SINK_PORT), '-j', 'DROP');
      await scene.send(300);
    },
  },
  {
    name: 'nft drop in postrouting',
    programs: ['openvpn', 'qemu'],
    expected: FIREWALL,
    play: async (scene) => {
      await nft(scene, 'type filter hook postrouting priority 0;', dropsUdp);
      await fromSource(scene);
    },
  },
  {
    name: 'nft drop in the device’s egress',
    programs: ['openvpn', 'qemu'],
    expected: FIREWALL,
    play: async (scene) => {
      const hook = `type filter hook egress device "${scene.running.device}" priority 0;`;
      await nft(scene, hook, dropsUdp, 'netdev');
      await scene.send(300);
    },
  },
  {
    name: 'nft drop in the device’s ingress',
    programs: ['openvpn', 'qemu'],
    expected: ['host-firewall', 'host-refuses'],
    play: async (scene) => {
      const hook = `type filter hook ingress device "${scene.running.device}" priority 0;`;
      await nft(scene, hook, dropsUdp, 'netdev');
      await scene.sendBack(300);
    },
  },
  {
    name: 'nft drops towards another device',
    programs: ALL,
    expected: undefined,
    play: async (scene) => {
      await nft(scene, 'type filter hook output priority 0;', 'oifname "lan0" drop');
      await scene.send(calm(scene));
      scene.run(scene.near, 'ping', '-q', '-i', '0.2', '10.8.0.2');
    },
  },
  {
    name: 'a firewall that counts and accepts',
    programs: GUESTS,
    expected: undefined,
    play: async (scene) => {
      await nft(scene, 'type filter hook forward priority 0;', 'counter accept');
      await scene.send(calm(scene), { from: scene.stage.source });
    },
  },
];

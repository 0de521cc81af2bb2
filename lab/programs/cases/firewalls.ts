// SPDX-License-Identifier: Apache-2.0
// Firewall rules that drop what was to go out by the device, in each hook and by both front ends; and rules that touch other traffic.
import { ALL, type Case, calm, GUESTS, VPNS } from '../case.ts';
import { SINK_PORT } from '../counted-traffic.ts';
import type { Scene } from '../scene.ts';

type Rule = (scene: Scene) => Promise<unknown>;
type Traffic = (scene: Scene) => Promise<unknown>;

/** A rule in a hook of nftables, `DEVICE` being that of the program; by its other front end. */
function nft(hook: string, rule = `udp dport ${SINK_PORT} drop`, table = 'inet lab'): Rule {
  return async (scene) => {
    const { near, running } = scene;
    const chain = `type filter hook ${hook.replace('DEVICE', `device "${running.device}"`)} priority 0;`;
    scene.after(() => near.exec('nft', `delete table ${table}`));
    await near.exec('nft', `add table ${table}; add chain ${table} c { ${chain} }; add rule ${table} c ${rule}`);
  };
}

function legacy(...words: readonly string[]): Rule {
  return async (scene) => {
    const rule = (what: string): Promise<string> => scene.near.exec('iptables-legacy', what, ...words);
    await rule('-A');
    scene.after(() => rule('-D'));
  };
}

const dropsHalf = `udp dport ${SINK_PORT} numgen random mod 2 0 drop`;
const half = ['-m', 'statistic', '--mode', 'random', '--probability', '0.5'];
const toSink = ['--dport', String(SINK_PORT)];
const fromSource: Traffic = (scene) => scene.send(300, { from: scene.stage.source });
const own: Traffic = (scene) => scene.send(300);
const back: Traffic = (scene) => scene.sendBack(300);
const BOTH: readonly string[] = ['openvpn', 'qemu'];

const RULES: readonly (readonly [
  name: string,
  programs: readonly string[],
  rule: Rule,
  traffic: Traffic,
  expected?: readonly string[],
])[] = [
  ['nft drop in forward', ALL, nft('forward'), fromSource],
  ['nft drop of one half in forward', VPNS, nft('forward', dropsHalf), fromSource],
  // The host has chosen no device yet: the address of its guest tells whose the packets are.
  ['nft drop of one half in prerouting', VPNS, nft('prerouting', dropsHalf), fromSource],
  ['iptables-legacy DROP in FORWARD', ALL, legacy('FORWARD', '-p', 'udp', '-j', 'DROP'), fromSource],
  [
    'iptables-legacy DROP of one half in FORWARD',
    BOTH,
    legacy('FORWARD', '-p', 'udp', ...half, '-j', 'DROP'),
    fromSource,
  ],
  ['nft drop in output', ALL, nft('output'), own],
  ['iptables-legacy DROP in OUTPUT', VPNS, legacy('OUTPUT', '-p', 'udp', ...toSink, '-j', 'DROP'), own],
  ['nft drop in postrouting', BOTH, nft('postrouting'), fromSource],
  ['nft drop in the device’s egress', BOTH, nft('egress DEVICE', undefined, 'netdev lab'), own],
  [
    'nft drop in the device’s ingress',
    BOTH,
    nft('ingress DEVICE', undefined, 'netdev lab'),
    back,
    ['host-firewall', 'host-refuses'],
  ],
];

export const FIREWALLS: readonly Case[] = [
  ...RULES.map(([name, programs, rule, traffic, expected = ['host-firewall']]) => ({
    name,
    programs,
    expected,
    play: async (scene: Scene) => {
      await rule(scene);
      await traffic(scene);
    },
  })),
  {
    name: 'nft drops towards another device',
    programs: ALL,
    play: async (scene) => {
      await nft('output', 'oifname "lan0" drop')(scene);
      await scene.send(calm(scene));
      scene.run(scene.near, 'ping', '-q', '-i', '0.2', '10.8.0.2');
    },
  },
  {
    name: 'a firewall that counts and accepts',
    programs: GUESTS,
    play: async (scene) => {
      await nft('forward', 'counter accept')(scene);
      await scene.send(calm(scene), { from: scene.stage.source });
    },
  },
];

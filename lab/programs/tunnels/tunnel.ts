// SPDX-License-Identifier: Apache-2.0
// What all programs have in common that hold a device in `near` and another in `far`.
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '../../../test/agent/certificates.ts';
import { IPERF, SOCAT } from '../../../test/host/need.ts';
import { answers, arrivals, serveTraffic } from '../counted-traffic.ts';
import { FAR, FAR_INNER, NEAR, NEAR_INNER, SOURCE_NET, type Stage } from '../places.ts';
import type { Program, Running } from '../program.ts';

interface Tunnel {
  readonly device: string;
  readonly farDevice: string;
  readonly comm: string;
  /** The name that tapscope gives to it; '': it does not know the program. */
  readonly program: string;
  readonly near: readonly string[];
  readonly far: readonly string[];
  /** When both run: addresses, if the program does not set them. */
  readonly configure?: () => Promise<unknown>;
  readonly own?: Running['own'];
}

export async function tunnel(stage: Stage, { near, far, device, farDevice, ...more }: Tunnel): Promise<Running> {
  const started = stage.start(stage.near, ...near);
  stage.start(stage.far, ...far);
  await more.configure?.();
  await answers(stage.near, FAR_INNER, started.output);
  await stage.far.ip(`route replace ${SOURCE_NET} via ${NEAR_INNER} dev ${farDevice}`);
  return served(stage, { device, pid: started.pid, comm: more.comm, program: more.program, own: more.own });
}

/** The program runs; traffic is served beyond it. */
export async function served(
  stage: Stage,
  own: Pick<Running, 'device' | 'pid' | 'comm' | 'program' | 'own'> & Partial<Running>,
): Promise<Running> {
  serveTraffic(stage, stage.far);
  const remote = (command: string): Promise<string> => stage.far.exec('sh', '-c', command);
  const arrived = await arrivals(stage.far);
  return { queues: 1, vm: '', beyond: FAR_INNER, here: NEAR_INNER, remote, arrived, ...own };
}

/** Sets addresses, and the device up, as soon as the program has made it. */
export async function addresses(stage: Stage, device: string, farDevice: string): Promise<void> {
  await made(stage.near, device, NEAR_INNER);
  await made(stage.far, farDevice, FAR_INNER);
}

async function made(lab: Stage['near'], device: string, address: string): Promise<void> {
  const script = `for i in $(seq 300); do ip link show ${device} >/dev/null 2>&1 && break; sleep 0.2; done
    ip addr replace ${address}/24 dev ${device} && ip link set ${device} up`;
  await lab.exec('sh', '-c', script);
}

// socat with a TUN device at either end, and its packets in UDP between them.
const SOCAT_PORT = 7001;

function socat(name: string, kind: 'tun' | 'tap', [device, farDevice]: readonly [string, string]): Program {
  return {
    name,
    from: 'Debian socat',
    needs: [SOCAT, IPERF],
    start: (stage) => {
      const words = (own: string, inner: string, here: string, there: string): readonly string[] => [
        'socat',
        `TUN:${inner}/24,tun-name=${own},tun-type=${kind},iff-no-pi,up`,
        `UDP4-DATAGRAM:${there}:${SOCAT_PORT},bind=${here}:${SOCAT_PORT}`,
      ];
      return tunnel(stage, {
        device,
        farDevice,
        comm: 'socat',
        program: '',
        near: words(device, NEAR_INNER, NEAR, FAR),
        far: words(farDevice, FAR_INNER, FAR, NEAR),
      });
    },
  };
}

export const SOCAT_TUN: Program = socat('socat', 'tun', ['sc0', 'sc1']);
export const SOCAT_TAP: Program = socat('socat, tap', 'tap', ['sct0', 'sct1']);

// n2n: two edges with a tap each, which find each other by a supernode.
const N2N_PORT = 7654;

export const N2N: Program = {
  name: 'n2n',
  from: 'Debian n2n',
  needs: [{ debian: 'n2n', file: 'edge' }, { debian: 'n2n', file: 'supernode' }, IPERF, SOCAT],
  start: (stage) => {
    stage.start(stage.far, 'supernode', '-l', String(N2N_PORT));
    const words = (device: string, address: string, mac: string): readonly string[] => [
      ...['edge', '-d', device, '-a', address, '-s', '255.255.255.0', '-c', 'lab', '-k', 'secret'],
      ...['-l', `${FAR}:${N2N_PORT}`, '-m', mac],
    ];
    return tunnel(stage, {
      device: 'n2n0',
      farDevice: 'n2n1',
      comm: 'edge',
      program: '',
      near: words('n2n0', NEAR_INNER, '02:00:00:00:10:01'),
      far: words('n2n1', FAR_INNER, '02:00:00:00:10:02'),
    });
  },
};

// fastd in tap mode, which Freifunk networks use: a key for either end.
const FASTD_PORT = 10_000;

export const FASTD: Program = {
  name: 'fastd',
  from: 'Debian fastd',
  needs: [{ debian: 'fastd', file: 'fastd' }, IPERF, SOCAT],
  start: (stage) => {
    const folder = temporaryFolder({ after: (undo) => stage.after(async () => undo()) });
    const [keys, farKeys] = [makeKeys(), makeKeys()];
    const words = (device: string, secret: string, peer: string, address: string): readonly string[] => {
      const file = join(folder, `${device}.conf`);
      const lines = [
        `interface "${device}"; mode tap; method "salsa2012+umac"; bind any:${FASTD_PORT}; mtu 1400; secret "${secret}";`,
        `peer "other" { key "${peer}"; remote ipv4 "${address}":${FASTD_PORT}; }`,
      ];
      writeFileSync(file, lines.join('\n'), { mode: 0o600 });
      return ['fastd', '--config', file];
    };
    return tunnel(stage, {
      device: 'fd0',
      farDevice: 'fd1',
      comm: 'fastd',
      program: 'fastd',
      near: words('fd0', keys.secret, farKeys.open, FAR),
      far: words('fd1', farKeys.secret, keys.open, NEAR),
      configure: () => addresses(stage, 'fd0', 'fd1'),
    });
  },
};

function makeKeys(): { readonly secret: string; readonly open: string } {
  const text = execFileSync('fastd', ['--generate-key'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  const of = (name: string): string => new RegExp(`${name}: ([0-9a-f]{64})`).exec(text)?.[1] ?? '';
  return { secret: of('Secret'), open: of('Public') };
}

// tinc in switch mode: a tap at either end, keys exchanged as host files.
export const TINC: Program = {
  name: 'tinc',
  from: 'Debian tinc',
  needs: [{ debian: 'tinc', file: 'tincd' }, IPERF, SOCAT],
  start: (stage) => {
    const folder = temporaryFolder({ after: (undo) => stage.after(async () => undo()) });
    prepare(folder, { name: 'near', device: 'tinc0', address: NEAR, inner: NEAR_INNER, other: 'far' });
    prepare(folder, { name: 'far', device: 'tinc1', address: FAR, inner: FAR_INNER, other: 'near' });
    copyFileSync(join(folder, 'near/hosts/near'), join(folder, 'far/hosts/near'));
    copyFileSync(join(folder, 'far/hosts/far'), join(folder, 'near/hosts/far'));
    const words = (name: string): readonly string[] => [
      ...['tincd', '-D', '-c', join(folder, name), `--pidfile=${join(folder, `${name}.pid`)}`, '-d1'],
    ];
    return tunnel(stage, {
      device: 'tinc0',
      farDevice: 'tinc1',
      comm: 'tincd',
      program: 'tincd',
      near: words('near'),
      far: words('far'),
      configure: () => addresses(stage, 'tinc0', 'tinc1'),
    });
  },
};

interface Host {
  readonly name: string;
  readonly device: string;
  readonly address: string;
  readonly inner: string;
  readonly other: string;
}

function prepare(folder: string, { name, device, address, inner, other }: Host): void {
  const own = join(folder, name);
  mkdirSync(join(own, 'hosts'), { recursive: true });
  const lines = [
    `Name = ${name}`,
    'Mode = switch',
    'DeviceType = tap',
    `Interface = ${device}`,
    `ConnectTo = ${other}`,
  ];
  writeFileSync(join(own, 'tinc.conf'), `${lines.join('\n')}\n`);
  writeFileSync(join(own, 'hosts', name), `Address = ${address}\nSubnet = ${inner}/32\n`);
  writeFileSync(join(own, 'tinc-up'), '#!/bin/sh\n', { mode: 0o755 });
  // It asks where to put the keys; the end of its input is the default.
  execFileSync('tincd', ['-c', own, '-K2048'], { input: '\n\n', stdio: ['pipe', 'pipe', 'pipe'] });
}

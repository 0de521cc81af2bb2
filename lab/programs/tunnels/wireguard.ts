// SPDX-License-Identifier: Apache-2.0
// WireGuard in user space (wireguard-go): a tun device at either end, several threads that take turns in reading it.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '../../../test/agent/certificates.ts';
import { IPERF, pathOf, SOCAT } from '../../../test/host/need.ts';
import type { NamespaceLab } from '../../../test/host/netns.ts';
import { succeeds, until } from '../../../test/host/until.ts';
import { answers } from '../counted-traffic.ts';
import { FAR, FAR_INNER, NEAR, NEAR_INNER, SOURCE_NET, type Stage, type Started } from '../places.ts';
import type { Program } from '../program.ts';
import { served } from './tunnel.ts';

const PORT = 51820;

interface End {
  readonly lab: NamespaceLab;
  /** Names are of the machine, for the control sockets are files. */
  readonly device: string;
  readonly address: string;
  readonly peer: string;
  readonly peerOuter: string;
}

let made = 0;

export const WIREGUARD: Program = {
  name: 'wireguard-go',
  from: 'Go module golang.zx2c4.com/wireguard',
  needs: [
    { go: 'golang.zx2c4.com/wireguard@latest', file: 'wireguard-go', builtAs: 'wireguard' },
    { debian: 'wireguard-tools', file: 'wg' },
    IPERF,
    SOCAT,
  ],
  start: async (stage) => {
    const [keys, farKeys] = [keyPair(), keyPair()];
    const number = `${process.pid % 10_000}n${made++}`;
    const near = { lab: stage.near, device: `wg${number}`, address: NEAR_INNER, peer: FAR_INNER, peerOuter: FAR };
    const far = { lab: stage.far, device: `wf${number}`, address: FAR_INNER, peer: NEAR_INNER, peerOuter: NEAR };
    const program = await start(stage, near, keys.secret, farKeys.open);
    await start(stage, far, farKeys.secret, keys.open);
    await answers(stage.near, FAR_INNER, program.output);
    await stage.far.ip(`route add ${SOURCE_NET} dev ${far.device}`);
    const names = { comm: 'wireguard-go', program: 'wireguard-go' };
    return served(stage, { device: near.device, pid: program.pid, ...names, own: undefined });
  },
};

function keyPair(): { readonly secret: string; readonly open: string } {
  const secret = execFileSync('wg', ['genkey'], { encoding: 'utf8' }).trim();
  return { secret, open: execFileSync('wg', ['pubkey'], { input: secret, encoding: 'utf8' }).trim() };
}

async function start(stage: Stage, end: End, secret: string, peerKey: string): Promise<Started> {
  const folder = temporaryFolder({ after: (undo) => stage.after(async () => undo()) });
  const [keyFile, { lab, device }] = [join(folder, 'key'), end];
  writeFileSync(keyFile, secret, { mode: 0o600 });
  const program = stage.start(lab, 'env', 'LOG_LEVEL=error', pathOf('wireguard-go') ?? '', '-f', device);
  await until(() => succeeds(lab.exec('wg', 'show', device)));
  const peer = ['peer', peerKey, 'allowed-ips', '0.0.0.0/0', 'endpoint', `${end.peerOuter}:${PORT}`];
  await lab.exec('wg', 'set', device, 'private-key', keyFile, 'listen-port', String(PORT), ...peer);
  await lab.ip(`addr add ${end.address}/32 peer ${end.peer} dev ${device}`);
  await lab.ip(`link set ${device} mtu 1420 up`);
  return program;
}

// SPDX-License-Identifier: Apache-2.0
// OpenVPN, point to point with TLS and fingerprints: one process at either end, without the kernel's data channel.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { temporaryFolder } from '../../../test/agent/certificates.ts';
import { IPERF, SOCAT } from '../../../test/host/need.ts';
import { until } from '../../../test/host/until.ts';
import { answers } from '../counted-traffic.ts';
import { FAR_INNER, NEAR, NEAR_INNER, SOURCE_NET } from '../places.ts';
import type { OwnCounts, Program } from '../program.ts';
import { served } from './tunnel.ts';

/** Seconds between two writes of the status file, the least that there is. */
const STATUS_PERIOD = 1;

export const OPENVPN: Program = {
  name: 'openvpn',
  from: 'Debian openvpn',
  needs: [{ debian: 'openvpn', file: 'openvpn' }, IPERF, SOCAT],
  start: async (stage) => {
    const folder = temporaryFolder({ after: (undo) => stage.after(async () => undo()) });
    const prints = [makeKey(folder, 'near'), makeKey(folder, 'far')];
    const far = words(folder, 'far', prints[0] ?? '', [FAR_INNER, NEAR_INNER], ['--tls-client', '--remote', NEAR]);
    const near = words(folder, 'near', prints[1] ?? '', [NEAR_INNER, FAR_INNER], ['--tls-server', '--dh', 'none']);
    const process = stage.start(stage.near, ...near);
    stage.start(stage.far, ...far);
    await answers(stage.near, FAR_INNER, process.output);
    await stage.far.ip(`route add ${SOURCE_NET} dev tun0`);
    const own = (): Promise<OwnCounts> => status(`${folder}/near.status`);
    return served(stage, { device: 'tun0', pid: process.pid, comm: 'openvpn', program: 'openvpn', own });
  },
};

/** Answers the fingerprint by which the other end knows it. */
function makeKey(folder: string, name: string): string {
  const files = ['-keyout', `${folder}/${name}.key`, '-out', `${folder}/${name}.crt`];
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', `/CN=${name}`];
  execFileSync('openssl', ['req', '-x509', ...key, ...files], { stdio: 'pipe' });
  const line = execFileSync('openssl', ['x509', '-in', `${folder}/${name}.crt`, '-noout', '-fingerprint', '-sha256']);
  return line.toString().trim().split('=')[1] ?? '';
}

function words(
  folder: string,
  name: string,
  print: string,
  [own, other]: readonly [string, string],
  more: readonly string[],
): readonly string[] {
  return [
    ...['openvpn', '--dev', 'tun0', '--dev-type', 'tun', '--proto', 'udp', '--ifconfig', own, other, '--disable-dco'],
    ...['--cert', `${folder}/${name}.crt`, '--key', `${folder}/${name}.key`, '--peer-fingerprint', print],
    ...['--data-ciphers', 'AES-256-GCM', '--verb', '1', '--ping', '5', '--ping-restart', '15', '--persist-tun'],
    ...['--status', `${folder}/${name}.status`, String(STATUS_PERIOD), ...more],
  ];
}

/** The counters after a whole period in which no packet passed. */
async function status(file: string): Promise<OwnCounts> {
  const read = (): OwnCounts => parseStatus(readFileSync(file, 'utf8'));
  let last = read();
  await until(async () => {
    await wait(2000 * STATUS_PERIOD);
    const now = read();
    const isSame = now.taken === last.taken && now.given === last.given;
    last = now;
    return isSame;
  }, 15_000);
  return last;
}

function parseStatus(text: string): OwnCounts {
  const bytes = (name: string): number =>
    Number(new RegExp(`^${name} bytes,(\\d+)$`, 'm').exec(text)?.[1] ?? Number.NaN);
  return { of: 'status file', unit: 'bytes', taken: bytes('TUN/TAP read'), given: bytes('TUN/TAP write') };
}

// SPDX-License-Identifier: Apache-2.0
// tinc in switch mode: a tap at either end, keys exchanged as host files.
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '../../../test/agent/certificates.ts';
import { IPERF, SOCAT } from '../../../test/host/need.ts';
import { FAR, FAR_INNER, NEAR, NEAR_INNER } from '../places.ts';
import type { Program } from '../program.ts';
import { addresses, tunnel } from './tunnel.ts';

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

// SPDX-License-Identifier: Apache-2.0
// fastd in tap mode, which Freifunk networks use: a key for either end.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '../../../test/agent/certificates.ts';
import { IPERF, SOCAT } from '../../../test/host/need.ts';
import { FAR, NEAR } from '../places.ts';
import type { Program } from '../program.ts';
import { addresses, tunnel } from './tunnel.ts';

const PORT = 10_000;

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
        `interface "${device}"; mode tap; method "salsa2012+umac"; bind any:${PORT}; mtu 1400; secret "${secret}";`,
        `peer "other" { key "${peer}"; remote ipv4 "${address}":${PORT}; }`,
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

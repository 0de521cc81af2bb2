// SPDX-License-Identifier: Apache-2.0
// VDE: a switch with a tap at either end, and a cable of two plugs between them, which are sockets in the file system.
import { join } from 'node:path';
import { temporaryFolder } from '../../../test/agent/certificates.ts';
import { IPERF, SOCAT } from '../../../test/host/need.ts';
import type { Program } from '../program.ts';
import { addresses, tunnel } from './tunnel.ts';

export const VDE: Program = {
  name: 'vde2',
  from: 'Debian vde2',
  needs: [{ debian: 'vde2', file: 'vde_switch' }, { debian: 'vde2', file: 'dpipe' }, IPERF, SOCAT],
  start: (stage) => {
    const folder = temporaryFolder({ after: (undo) => stage.after(async () => undo()) });
    const words = (device: string): readonly string[] => [
      // It ends with its input: a pipe that it holds itself has no end.
      ...['sh', '-c', 'mkfifo "$0"; exec vde_switch "$@" <>"$0"', join(folder, `${device}.in`), '-tap', device],
      ...['-sock', join(folder, device), '-mgmt', join(folder, `${device}.mgmt`)],
    ];
    return tunnel(stage, {
      device: 'vde0',
      farDevice: 'vde1',
      comm: 'vde_switch',
      program: '',
      near: words('vde0'),
      far: words('vde1'),
      configure: async () => {
        await addresses(stage, 'vde0', 'vde1');
        const plug = (device: string): readonly string[] => ['vde_plug', join(folder, device)];
        stage.start(undefined, 'dpipe', ...plug('vde0'), '=', ...plug('vde1'));
      },
    });
  },
};

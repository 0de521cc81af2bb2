// SPDX-License-Identifier: Apache-2.0
// n2n: two edges with a tap each, which find each other by a supernode.

import { IPERF, SOCAT } from '../../../test/host/need.ts';
import { FAR, FAR_INNER, NEAR_INNER } from '../places.ts';
import type { Program } from '../program.ts';
import { tunnel } from './tunnel.ts';

const PORT = 7654;

export const N2N: Program = {
  name: 'n2n',
  from: 'Debian n2n',
  needs: [{ debian: 'n2n', file: 'edge' }, { debian: 'n2n', file: 'supernode' }, IPERF, SOCAT],
  start: (stage) => {
    stage.start(stage.far, 'supernode', '-l', String(PORT));
    const words = (device: string, address: string, mac: string): readonly string[] => [
      ...['edge', '-d', device, '-a', address, '-s', '255.255.255.0', '-c', 'lab', '-k', 'secret'],
      ...['-l', `${FAR}:${PORT}`, '-m', mac],
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

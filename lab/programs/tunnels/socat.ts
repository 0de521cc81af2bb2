// SPDX-License-Identifier: Apache-2.0
// socat with a TUN device at either end, and its packets in UDP between them.

import { IPERF, SOCAT } from '../../../test/host/need.ts';
import { FAR, FAR_INNER, NEAR, NEAR_INNER } from '../places.ts';
import type { Program } from '../program.ts';
import { tunnel } from './tunnel.ts';

const PORT = 7001;

export const SOCAT_TUN: Program = {
  name: 'socat',
  from: 'Debian socat',
  needs: [SOCAT, IPERF],
  start: (stage) => {
    const words = (name: string, own: string, here: string, there: string): readonly string[] => [
      'socat',
      `TUN:${own}/24,tun-name=${name},iff-no-pi,up`,
      `UDP4-DATAGRAM:${there}:${PORT},bind=${here}:${PORT}`,
    ];
    return tunnel(stage, {
      device: 'sc0',
      comm: 'socat',
      program: '',
      near: words('sc0', NEAR_INNER, NEAR, FAR),
      far: words('sc1', FAR_INNER, FAR, NEAR),
      farDevice: 'sc1',
    });
  },
};

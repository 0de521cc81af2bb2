// SPDX-License-Identifier: Apache-2.0
// pasta, which podman starts for its containers: a tap in their namespace, sockets of the host outside.
import { IPERF, SOCAT } from '../../../test/host/need.ts';
import type { Program } from '../program.ts';
import { OUTER, OUTER_GATEWAY, userMode } from './user-mode.ts';

export const PASTA: Program = {
  name: 'pasta',
  from: 'Debian passt',
  needs: [{ debian: 'passt', file: 'pasta' }, IPERF, SOCAT],
  start: (stage) =>
    userMode(stage, {
      device: 'pasta0',
      program: 'pasta',
      words: [
        ...['pasta', '-f', '--netns-only', '--runas', '0', '--config-net', '--ns-ifname', 'pasta0', '-t', 'none'],
        ...['-u', 'none', '-T', 'none', '-U', 'none', '--no-dhcp', '--netns', `/run/netns/${stage.near.name}`],
      ],
      host: OUTER_GATEWAY,
      own: OUTER,
    }),
};

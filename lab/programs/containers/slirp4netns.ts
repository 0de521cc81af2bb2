// SPDX-License-Identifier: Apache-2.0
// slirp4netns, the network of rootless containers before pasta; for a namespace, and for a plain container by its process.
import { IPERF, SOCAT } from '../../../test/host/need.ts';
import type { Program } from '../program.ts';
import { userMode } from './user-mode.ts';

const common = { program: 'slirp4netns', host: '10.0.2.2', own: '10.0.2.100' };
const needs = [{ debian: 'slirp4netns', file: 'slirp4netns' }, IPERF, SOCAT];

export const SLIRP: Program = {
  name: 'slirp4netns',
  from: 'Debian slirp4netns',
  needs,
  start: (stage) =>
    userMode(stage, {
      ...common,
      device: 'slirp0',
      words: ['slirp4netns', '--netns-type=path', '-c', `/run/netns/${stage.near.name}`, 'slirp0'],
    }),
};

export const CONTAINER: Program = {
  name: 'plain container',
  from: 'unshare with slirp4netns',
  needs,
  start: (stage) => {
    const container = stage.start(stage.near, 'unshare', '--mount', '--uts', '--ipc', 'sleep', 'infinity');
    return userMode(stage, {
      ...common,
      device: 'ctap0',
      words: ['slirp4netns', '-c', String(container.pid), 'ctap0'],
    });
  },
};

// SPDX-License-Identifier: Apache-2.0
// Programs that are named because they cannot be asked, with the reason.
import type { Program } from './program.ts';

const GVISOR: Program = {
  name: 'gVisor runsc',
  from: 'Go module gvisor.dev/gvisor, built',
  needs: [],
  unavailable: () =>
    'it holds no tun or tap: its sandbox sends and receives by AF_PACKET sockets on the interfaces of its namespace (runsc/sandbox/network.go)',
  start: () => Promise.reject(new Error('runsc holds no tun or tap.')),
};

const PODMAN: Program = {
  name: 'podman',
  from: 'Debian podman',
  needs: [],
  unavailable: () =>
    'not tried: it needs an image from a container registry; its networks, pasta and slirp4netns, are played by themselves, and for a plain container',
  start: () => Promise.reject(new Error('podman has no image here.')),
};

export const ABSENT: readonly Program[] = [GVISOR, PODMAN];

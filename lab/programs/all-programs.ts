// SPDX-License-Identifier: Apache-2.0
// All programs of the lab.
import { CONTAINER, PASTA, SLIRP } from './containers/user-mode.ts';
import { LIBVIRT } from './guests/libvirt.ts';
import { qemuOf } from './guests/qemu.ts';
import type { Program } from './program.ts';
import { OPENVPN } from './tunnels/openvpn.ts';
import { TAILSCALE } from './tunnels/tailscale.ts';
import { FASTD, N2N, SOCAT_TAP, SOCAT_TUN, TINC } from './tunnels/tunnel.ts';
import { VDE } from './tunnels/vde.ts';
import { WIREGUARD } from './tunnels/wireguard.ts';

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

/** Named because they cannot be asked, with the reason. */
export const ABSENT: readonly Program[] = [GVISOR, PODMAN];

export const PROGRAMS: readonly Program[] = [
  OPENVPN,
  WIREGUARD,
  qemuOf(1),
  qemuOf(2),
  qemuOf(4),
  LIBVIRT,
  TAILSCALE,
  PASTA,
  SLIRP,
  CONTAINER,
  TINC,
  N2N,
  FASTD,
  SOCAT_TUN,
  SOCAT_TAP,
  VDE,
  ...ABSENT,
];

// SPDX-License-Identifier: Apache-2.0
// All programs of the lab.
import { ABSENT } from './absent.ts';
import { PASTA } from './containers/pasta.ts';
import { CONTAINER, SLIRP } from './containers/slirp4netns.ts';
import { LIBVIRT } from './guests/libvirt.ts';
import { qemuOf } from './guests/qemu.ts';
import type { Program } from './program.ts';
import { FASTD } from './tunnels/fastd.ts';
import { N2N } from './tunnels/n2n.ts';
import { OPENVPN } from './tunnels/openvpn.ts';
import { SOCAT_TUN } from './tunnels/socat.ts';
import { TAILSCALE } from './tunnels/tailscale.ts';
import { TINC } from './tunnels/tinc.ts';
import { VDE } from './tunnels/vde.ts';
import { WIREGUARD } from './tunnels/wireguard.ts';

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
  VDE,
  ...ABSENT,
];

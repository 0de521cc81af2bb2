// SPDX-License-Identifier: Apache-2.0
// All programs of the lab.
import { GVISOR, PODMAN } from './absent.ts';
import { FASTD } from './fastd.ts';
import { LIBVIRT } from './libvirt.ts';
import { N2N } from './n2n.ts';
import { OPENVPN } from './openvpn.ts';
import { PASTA } from './pasta.ts';
import type { Program } from './program.ts';
import { qemuOf } from './qemu.ts';
import { CONTAINER, SLIRP } from './slirp4netns.ts';
import { SOCAT_TUN } from './socat.ts';
import { TAILSCALE } from './tailscale.ts';
import { TINC } from './tinc.ts';
import { VDE } from './vde.ts';
import { WIREGUARD } from './wireguard.ts';

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
  GVISOR,
  PODMAN,
];

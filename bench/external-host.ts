// SPDX-License-Identifier: Apache-2.0
// What plays another host towards a guest in QEMU: a namespace at the far end of a veth.
import { cpus } from 'node:os';

/** The last one: its programs run on no other. */
export const EXTERNAL_CPU = cpus().length - 1;
/** The ends of its cable. */
export const EXTERNAL = { here: 'bench-veth', there: 'external0' };

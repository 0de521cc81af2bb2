// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel, VMs, iperf3, iputils-ping, nftables, socat.
import { testProgram } from '../running.ts';
import { qemuOf } from './qemu.ts';

testProgram(qemuOf(1));

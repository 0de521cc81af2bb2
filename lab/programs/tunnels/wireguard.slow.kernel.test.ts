// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel, iperf3, iputils-ping, nftables, socat, wireguard-tools.
import { testProgram } from '../running.ts';
import { WIREGUARD } from './wireguard.ts';

testProgram(WIREGUARD);

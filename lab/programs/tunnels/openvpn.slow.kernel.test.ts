// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel, iperf3, iputils-ping, nftables, openssl, openvpn, socat.
import { testProgram } from '../running.ts';
import { OPENVPN } from './openvpn.ts';

testProgram(OPENVPN);

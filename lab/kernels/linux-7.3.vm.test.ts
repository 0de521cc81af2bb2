// SPDX-License-Identifier: Apache-2.0
// Needs: VMs, iperf3, nftables.
import { testOnKernel } from './matrix.ts';

testOnKernel('7.3');

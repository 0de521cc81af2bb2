// SPDX-License-Identifier: Apache-2.0
// Needs: VMs, iptables, nftables.
import { testOnKernel } from './matrix.ts';

testOnKernel('6.1');

// SPDX-License-Identifier: Apache-2.0
// Needs: VMs, nftables.
import { testOnKernel } from './matrix.ts';

testOnKernel('5.10');

// SPDX-License-Identifier: Apache-2.0
// Needs: VMs.
import { testOnKernel } from './matrix.ts';

testOnKernel('7.2');

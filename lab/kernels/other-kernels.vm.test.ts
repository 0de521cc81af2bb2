// SPDX-License-Identifier: Apache-2.0
// Needs: WHOLE=1, VMs, g++-aarch64-linux-gnu, qemu-system-arm.
// Kernels on which not everything is tested: what is counted there equals the kernel's own counters, or is marked.
import { whyNoVm } from '../vm/boot.ts';
import { OTHERS, testOnKernel } from './matrix.ts';

for (const { name, architecture } of OTHERS) testOnKernel(name, whyNoVm(architecture));

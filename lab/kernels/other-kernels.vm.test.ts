// SPDX-License-Identifier: Apache-2.0
// Kernels on which not everything is tested: what is counted there equals the kernel's own counters, or is marked.

import { onlyNightly } from '../../test/nightly.ts';
import { whyNoVm } from '../vm/boot.ts';
import { KERNELS, SERIES } from '../vm/series.ts';
import { FOREIGN, PROOFS, REALTIME, testOnKernel } from './matrix.ts';

/** Has more to run: linux-5.10.vm.test.ts. */
const OLDEST = '5.10';

for (const { name, architecture, standsFor } of KERNELS.filter(
  (one) => one.name !== OLDEST && !SERIES.some((series) => series === one.name),
)) {
  const files = standsFor === 'PREEMPT_RT' ? REALTIME : architecture === 'amd64' ? PROOFS : FOREIGN;
  testOnKernel(name, files, onlyNightly || whyNoVm(architecture));
}

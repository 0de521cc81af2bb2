// SPDX-License-Identifier: Apache-2.0
// Several CPUs that QEMU emulates in software.
import { cpus } from 'node:os';

/**
 * Linux 7.3 died so in the lab (int3 in tun_net_xmit). To change a function, the kernel puts a breakpoint there for a moment; an emulated
 * CPU that executes the function may meet it after it was taken away. Real CPUs, and one emulated CPU alone, do not do that.
 */
export function mayDieOfPatching(): boolean {
  const [first, second] = cpus();
  return second !== undefined && /QEMU TCG/.test(first?.model ?? '');
}

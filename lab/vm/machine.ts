// SPDX-License-Identifier: Apache-2.0
// What a VM is made of by its kernel's architecture: QEMU's program and machine, and the lines on which it speaks.

import type { Architecture } from '../../test/debian/apt.ts';

interface Machine {
  /** QEMU's program, and Debian's package that has it. */
  readonly program: string;
  readonly package: string;
  readonly arguments: readonly string[];
  readonly kernelArguments: readonly string[];
  /** The command's own serial line, `command`; the kernel has another. */
  readonly secondLine: readonly string[];
  /** Its name in the guest. */
  readonly commandLine: string;
}

export const MACHINES: Readonly<Record<Architecture, (hasInstructionClock: boolean) => Machine>> = {
  amd64: (hasInstructionClock) => ({
    program: 'qemu-system-x86_64',
    package: 'qemu-system-x86',
    // QEMU takes a string instruction apart: a page is cleared in 4 096 steps by bytes, in 512 by words, and in 64 by a loop. A third
    // of what these tests took was that. The instruction clock goes on as it did, for its figures have a past.
    arguments: ['-machine', 'q35,accel=tcg,smm=off', '-cpu', hasInstructionClock ? 'max' : 'max,-erms', '-vga', 'none'],
    secondLine: ['-serial', 'chardev:command'],
    // tsc=reliable: kernels that distrust an emulated TSC would ask the HPET, a device, each time a clock is read.
    // no_timer_check: one that gets no CPU while it waits for its first ticks would take the timer for broken, and panic.
    kernelArguments: [
      'console=ttyS0 tsc=reliable no_timer_check',
      ...(hasInstructionClock ? [] : ['clearcpuid=rep_good']),
    ],
    commandLine: 'ttyS1',
  }),
  arm64: () => ({
    program: 'qemu-system-aarch64',
    package: 'qemu-system-arm',
    // A CPU that clouds have. It does not sign pointers, which is slow to emulate; `max` does.
    arguments: ['-machine', 'virt,accel=tcg,gic-version=3', '-cpu', 'neoverse-n1'],
    secondLine: ['-device', 'pci-serial,chardev=command'],
    kernelArguments: ['console=ttyAMA0'],
    commandLine: 'ttyS0',
  }),
};

/** Where a VM's dist/ lies, below the root of the tree: this machine's own build, or one for its architecture. */
export function distOf(architecture: Architecture): string {
  return architecture === 'amd64' ? 'dist' : `dist/${architecture}/guest`;
}

/** Node in a VM. */
export function nodeOf(architecture: Architecture): string {
  return architecture === 'amd64' ? process.execPath : '/usr/bin/node';
}

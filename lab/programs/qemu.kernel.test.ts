// SPDX-License-Identifier: Apache-2.0
import { testProgram } from './daily.ts';
import { qemuOf } from './qemu.ts';

/** An emulated guest takes a thousand packets a second beside other tests. */
testProgram(qemuOf(1), { datagrams: 2000, perSecond: 400, seconds: 3, calmBits: 2_000_000 });

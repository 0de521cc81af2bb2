// SPDX-License-Identifier: Apache-2.0
import { testProgram } from '../daily.ts';
import { qemuOf } from './qemu.ts';

testProgram(qemuOf(1));

// SPDX-License-Identifier: Apache-2.0
import { SHORT, testOnKernel } from './matrix.ts';

testOnKernel('5.10', SHORT);

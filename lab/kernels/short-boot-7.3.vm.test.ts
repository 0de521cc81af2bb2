// SPDX-License-Identifier: Apache-2.0
import { SHORT, testOnKernel } from './matrix.ts';

testOnKernel('7.3', SHORT);

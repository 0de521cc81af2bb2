// SPDX-License-Identifier: Apache-2.0
import { OLDEST, testOnKernel } from './matrix.ts';

testOnKernel('5.10', OLDEST);

// SPDX-License-Identifier: Apache-2.0
import { testOnKernel } from './matrix.ts';

testOnKernel('7.3');

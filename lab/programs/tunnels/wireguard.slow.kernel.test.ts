// SPDX-License-Identifier: Apache-2.0
import { testProgram } from '../daily.ts';
import { WIREGUARD } from './wireguard.ts';

testProgram(WIREGUARD);

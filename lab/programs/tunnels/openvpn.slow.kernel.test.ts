// SPDX-License-Identifier: Apache-2.0
import { testProgram } from '../daily.ts';
import { OPENVPN } from './openvpn.ts';

testProgram(OPENVPN);

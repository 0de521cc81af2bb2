// SPDX-License-Identifier: Apache-2.0
// Needs: VMs.
// Taps that live for a moment, seen by fentry: writes that were refused are counted too.
import test from 'node:test';
import { assertShortLives } from '../host/short-lives.ts';
import { isWhole } from '../whole.ts';

const TAPS = isWhole ? 1000 : 150;

test(`${TAPS} taps that are made and deleted`, (t) => assertShortLives(t, TAPS));

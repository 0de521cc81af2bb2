// SPDX-License-Identifier: Apache-2.0
// Taps that live for a moment, seen by fentry: writes that were refused are counted too.
import test from 'node:test';
import { assertShortLives } from '../../test/host/short-lives.ts';
import { isNightly } from '../../test/nightly.ts';

const TAPS = isNightly ? 1000 : 150;

test(`${TAPS} taps that are made and deleted`, (t) => assertShortLives(t, TAPS));

// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel, alone.
// Taps that live for some milliseconds: no look sees most of them, and each packet of theirs is in the totals.
import test from 'node:test';
import { noLab } from '../../test/host/netns.ts';
import { assertShortLives } from '../../test/host/short-lives.ts';
import { isWhole } from '../../test/whole.ts';

const TAPS = isWhole ? 10_000 : 1000;

test(`${TAPS} taps that are made and deleted, 100 a second`, { skip: noLab }, (t) => assertShortLives(t, TAPS));

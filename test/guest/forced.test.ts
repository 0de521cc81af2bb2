// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import test from 'node:test';
import { EVENTS } from '../../src/subjects/list.ts';
import { DIFFERENCES } from './forced.ts';

test('each mechanism that is not the best of its event has its place, and no other', () => {
  const others = EVENTS.flatMap(({ name, mechanisms }) => mechanisms.slice(1).map((one) => `${name}=${one.name}`));
  assert.deepEqual(Object.keys(DIFFERENCES).sort(), others.sort());
});

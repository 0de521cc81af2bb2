// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import test from 'node:test';
import { openObject } from './open-object.ts';
import { hookInstructions } from './overhead-meter.ts';

test('the price of each hook is known', (t) => {
  const object = openObject('tapscope');
  t.after(() => object.close());
  // What runs on request has no hook.
  const hooks = object.programs.filter(({ section }) => !/^\??(syscall|iter)/.test(section));
  assert.ok(hooks.length > 30);
  assert.deepEqual(
    hooks.filter(({ section }) => hookInstructions(section) === undefined),
    [],
  );
});

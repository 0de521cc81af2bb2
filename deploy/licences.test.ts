// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// Every shipped package has a licence that asks for a notice alone, by the lock file.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { parseJson } from '../test/host/checked-json.ts';

const PERMISSIVE = ['0BSD', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'BlueOak-1.0.0', 'ISC', 'MIT'];

test('every package that is shipped has a permissive licence', () => {
  const lock = parseJson(readFileSync('package-lock.json', 'utf8'));
  const packages = Object.entries(Object(Reflect.get(Object(lock), 'packages')));
  const shipped = packages.filter(([path, one]) => path !== '' && Reflect.get(Object(one), 'dev') !== true);
  assert.ok(shipped.length > 20, `${shipped.length} packages`);
  const others = shipped.filter(([, one]) => !isPermissive(String(Reflect.get(Object(one), 'license'))));
  assert.deepEqual(
    others.map(([path, one]) => `${path}: ${String(Reflect.get(Object(one), 'license'))}`),
    [],
  );
});

/** An SPDX expression of licences of which each holds. */
function isPermissive(expression: string): boolean {
  return expression
    .replace(/^\((.*)\)$/, '$1')
    .split(' AND ')
    .every((licence) => PERMISSIVE.includes(licence));
}

// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { sourcePackage } from './build-root.ts';
import { modulesFolder } from './tun-modules.ts';

test("the package of Debian's source is of the series", () => {
  assert.equal(sourcePackage('7.3.4+deb13-amd64'), 'linux-source-7.3');
  assert.equal(sourcePackage('7.3-amd64'), 'linux-source-7.3');
});

test('another patch has modules of its own', () => {
  assert.notEqual(modulesFolder('a'), modulesFolder('b'));
});

test('the patch names its licence and changes tun alone', () => {
  const patch = readFileSync(new URL('./tun-napi-cache.patch', import.meta.url), 'utf8');
  assert.match(patch, /^# SPDX-License-Identifier: GPL-2\.0\n/);
  assert.deepEqual(patch.match(/^\+\+\+ .*$/gm), ['+++ b/drivers/net/tun.c']);
});

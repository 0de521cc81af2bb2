// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import test from 'node:test';
import { isNewer } from './kernels.ts';
import { lockedKernel, lockedKernels } from './series.ts';

test('each locked package is one that its pattern would find again', () => {
  for (const { series, architecture, patterns, packages } of lockedKernels()) {
    assert.equal(packages.length, patterns.length, series);
    for (const [index, { name, version, sha256 }] of packages.entries()) {
      assert.match(name, new RegExp(patterns[index] ?? ''));
      assert.ok(version.startsWith(series.replace(/-.*/, '')), `${name} ${version}`);
      assert.ok(name.endsWith(`-${architecture}`), name);
      assert.match(sha256, /^[0-9a-f]{64}$/);
    }
  }
});

test('a series that the lab lacks is named with those that it has', () => {
  assert.throws(
    () => lockedKernel('5.4'),
    /no kernel 5\.4: it has 5\.10, 6\.1, 6\.12, 6\.12-rt, 6\.17, 6\.18, 7\.2, 7\.3, 7\.3-rt, 6\.12-arm64, 7\.3-arm64\./,
  );
});

test('a newer version is known by the rules of dpkg', () => {
  const of = (version: string) => [{ name: 'linux-image', version, sha256: '' }];
  assert.ok(isNewer(of('6.12.118-1'), of('6.12.98-1')));
  assert.ok(isNewer(of('6.1.192-2'), of('6.1.192-1')));
  assert.ok(isNewer(of('7.2.13-1'), of('7.2.12-1~bpo13+1')));
  assert.ok(!isNewer(of('7.2.13-1'), of('7.2.13-1')));
  // A backport is older than what it is made of.
  assert.ok(isNewer(of('7.3.4-1'), of('7.3.4-1~bpo13+1')));
});

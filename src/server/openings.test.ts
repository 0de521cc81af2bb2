// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { constants } from 'node:os';
import { test } from 'node:test';
import { landlock } from '../kernel/processes/landlock.ts';
import { openingsOf } from './openings.ts';

const COLLECTOR = { url: 'https://collector' };
const PROXY = { variables: {}, port: 3128 };

test('nothing is open where the kernel has Landlock and no collector is configured', () => {
  for (const version of [1, 4, 7]) assert.deepEqual(openingsOf(undefined, landlock(version)), []);
});

test('with a collector: UDP, and the TCP ports that are needed', () => {
  const [sentence = '', ...more] = openingsOf({ ...COLLECTOR, proxy: PROXY }, landlock(7));
  assert.deepEqual(more, []);
  assert.match(
    sentence,
    /^for --otlp .* UDP to any address, and connect to TCP ports 53, 443 and 3128 of any address\.$/,
  );
});

test('before Linux 6.7: any TCP port', () => {
  assert.match(openingsOf(COLLECTOR, landlock(3))[0] ?? '', /any TCP port \(.*6\.7/);
});

for (const [name, version, why] of [
  ['built without it', -38, /CONFIG_SECURITY_LANDLOCK/],
  ['switched off', -constants.errno.EOPNOTSUPP, /lsm=/],
  ['forbidden by a container', -constants.errno.EPERM, /seccomp profile/],
] as const)
  test(`no Landlock, ${name}: what may be read, and why`, () => {
    const [files = '', ports, ...more] = openingsOf(COLLECTOR, landlock(version));
    assert.deepEqual(more, []);
    assert.match(files, /may read every file that all users may/);
    assert.match(files, why);
    assert.match(ports ?? '', /any TCP port/);
    assert.equal(openingsOf(undefined, landlock(version)).length, 1);
  });

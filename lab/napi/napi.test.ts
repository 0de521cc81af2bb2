// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { pairSection, readPair } from './pair-table.ts';
import { modulesFolder, sourcePackage } from './tun-modules.ts';

const run = (received: number, more: object = {}): object => ({
  ...{ seconds: 0.5, received, lost: 0, there: 0, elsewhere: received, deferred: 0, ...more },
});

test('both builds beside the mail, with the ratio and how far it spreads', () => {
  const pair = readPair({
    plain: [run(10_000), run(20_000, { lost: 20_000 }), run(30_000)],
    cached: [run(11_000, { elsewhere: 0, there: 1100, deferred: 9900 }), run(40_000), run(36_000)],
  });
  assert.deepEqual(pairSection({ kernel: '7.3.4', timed: pair, clocked: pair }).split('\n'), [
    'Linux 7.3.4, 3 runs of each build on two CPUs and 3 on the instruction clock. Medians, or the least and the most.',
    '',
    '|  | before | after | after / before |',
    '| --- | --: | --: | --: |',
    '| mail: bitrate | 6.08 Gbit/s | 6.36 Gbit/s | 1.046 |',
    '| here: sent by the first guest, two CPUs | 0.72 Gbit/s | 0.86 Gbit/s | 1.200 |',
    '| here: received by the second, two CPUs | 0.48 Gbit/s | 0.86 Gbit/s | 1.800 |',
    '| here: instructions for a packet, one CPU | 16 667 to 50 000 | 12 500 to 45 455 |  |',
    '| lost at the second tap, two CPUs | 0.0 % | 0.0 % |  |',
    '| freed on the CPU that allocated them | 0.0 % | 0.0 % |  |',
    '| freed on another CPU | 100.0 % | 100.0 % |  |',
    '| given back to the CPU that allocated them | 0.0 % | 0.0 % |  |',
    '',
    'Least and most of the ratio of neighbouring runs: 1.000 and 1.200 of what was sent, 1.100 and 2.000 of what was received.',
  ]);
});

test('a figure that is missing is no zero', () => {
  assert.throws(() => readPair({ plain: [{ seconds: 1 }], cached: [] }), /Expected a number at received/);
});

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

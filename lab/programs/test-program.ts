// SPDX-License-Identifier: Apache-2.0
// A program's four checks as tests, with the agent as built: what `npm run test:all` runs.
import assert from 'node:assert/strict';
import test from 'node:test';
import { missing, provide } from '../../test/host/need.ts';
import { noLab } from '../../test/host/netns.ts';
import type { CheckResult } from './checks.ts';
import type { Program } from './program.ts';
import { checksOf } from './running.ts';

export function testProgram(program: Program): void {
  const skip = noLab || missing(program.needs.filter((need) => 'debian' in need)) || (program.unavailable?.() ?? false);
  test(`${program.name}: its owner, its reader, and every packet`, { skip }, async (t) => {
    const absent = await provide(program.needs);
    if (absent) return t.skip(absent);
    const { checks } = await checksOf(t, program, program.load);
    const hold = ({ check, wrong, seen }: CheckResult): void => {
      t.diagnostic(`${program.name}, ${check}: ${seen}`);
      assert.deepEqual(wrong, [], check);
    };
    await t.test('owner', async () => hold(await checks.owner()));
    await t.test('reader, exact UDP', async () => (await checks.udp()).forEach(hold));
    await t.test('exact TCP', async () => hold(await checks.tcp()));
  });
}

// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel, nftables.
// On random paths through the host the ledger of a device has each packet that its ends count; WHOLE=1: 100 paths, a million packets.
import test from 'node:test';
import { standingLab } from '../../test/agent/agent-lab.ts';
import { noLab } from '../../test/host/netns.ts';
import { randomOf } from '../../test/host/random.ts';
import { isSince } from '../../test/host/release.ts';
import { scoped } from '../../test/host/scope.ts';
import { PATHS } from '../../test/paths/all-paths.ts';
import { assertBalanced } from '../../test/paths/balance.ts';
import { isWhole } from '../../test/whole.ts';

const SEED = Number(process.env.SEED ?? 4711);
const ROUNDS = isWhole ? Math.ceil(100 / PATHS.length) : 1;
const PACKETS = isWhole ? 10_000 : 2000;
/** What a kernel says that was built without it. */
const ABSENT = /Unknown device type|not supported|Error: Specified|No such file or directory/;

const skip = noLab || (isSince(5, 17) ? false : 'this kernel gives no reasons');

for (const [index, path] of PATHS.entries())
  test(`the ledger adds up: ${path.name}`, { skip }, async (t) => {
    const agent = await standingLab('question');
    for (let round = 0; round < ROUNDS; round++) {
      const random = randomOf(SEED + 1000 * round + index);
      try {
        t.diagnostic(await scoped((scope) => assertBalanced(scope, agent, path, random, PACKETS)));
      } catch (error) {
        if (!(error instanceof Error) || error.name === 'AssertionError' || !ABSENT.test(error.message)) throw error;
        return t.skip(`this kernel has not what it takes: ${error.message.split('\n')[0]}`);
      }
    }
  });

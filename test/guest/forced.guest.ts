// SPDX-License-Identifier: Apache-2.0
// Needs: VMs.
// Each mechanism that is not the best of its event, forced: the truth, or less of it, never something else.
import assert from 'node:assert/strict';
import test from 'node:test';
import { readHost } from '../../src/kernel/host.ts';
import { EVENTS, PROBED } from '../../src/subjects/list.ts';
import { startAgent } from '../agent/serve-process.ts';
import { namespaceLab } from '../host/netns.ts';
import { isSince } from '../host/release.ts';
import { allEvents, type Seen, TRUTH } from './all-events.ts';
import { expectedOf, known, NOT_TAKEN } from './forced.ts';

/** What this kernel's best mechanisms know. */
const best: Seen = isSince(7, 3) ? TRUTH : known({ ...TRUTH, ...NOT_TAKEN });
const host = readHost(PROBED);

test('the best mechanisms', async (t) => {
  assert.deepEqual(await allEvents(await namespaceLab(t), await startAgent(t, ['--budget=off'])), best);
});

for (const { name: event, mechanisms } of EVENTS)
  for (const mechanism of mechanisms.slice(1)) {
    const forced = `${event}=${mechanism.name}`;
    const unavailable = mechanism.unavailable(host)?.reason;
    test(
      unavailable === undefined ? forced : `${forced}, which this kernel does not have: ${unavailable}`,
      async (t) => {
        const agent = await startAgent(t, ['--budget=off', '--mechanism', forced]);
        const seen = await allEvents(await namespaceLab(t), agent);
        const attached = (await agent.metrics()).by('mechanism', 'tapscope_probe_attached', { event });
        if (unavailable === undefined) {
          assert.deepEqual(attached, { [mechanism.name]: 1 });
          assert.deepEqual(seen, expectedOf(forced, best));
        } else assert.deepEqual(attached, { none: 0 });
      },
    );
  }

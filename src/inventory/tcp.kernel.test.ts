// SPDX-License-Identifier: Apache-2.0
// A million packets of healthy TCP, both ways, several streams: none is missing in what is shown.
import test from 'node:test';
import { standingLab } from '../../lab/agent.ts';
import { noLab } from '../../lab/netns.ts';
import { assertExactTcp } from '../../lab/tcp-exact.ts';

for (const gso of [true, false])
  test(`TCP ${gso ? 'with' : 'without'} GSO`, { skip: noLab }, async (t) => {
    await assertExactTcp(t, await standingLab(), gso, gso ? 100_000 : 900_000);
  });

// SPDX-License-Identifier: Apache-2.0
// Needs: VMs.
// Packets at full speed: what Prometheus gets equals the truth to the packet, also while queues change.
import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { type Agent, standingAgent, startAgent } from '../../test/agent/serve-process.ts';
import { allCombinations, coveringSelection } from '../../test/guest/covering.ts';
import { exact, marked } from '../../test/guest/exactness.ts';
import { LIFE_NAMES } from '../../test/guest/traffic-scenario.ts';
import { isSince, ownSeries } from '../../test/host/release.ts';
import { isWhole } from '../../test/whole.ts';
import { SERIES } from '../vm/series.ts';

/** Before Linux 5.12 no program can be attached to a function of a module. */
const hasFentry = isSince(5, 12);
/** An older kernel plays what the oldest of the series does. */
const series = SERIES.find((one) => one === ownSeries) ?? SERIES[0];

const DIMENSIONS = {
  series: SERIES,
  // Raw tracepoints are tested on the kernel that runs the tests, which has nothing else; here with WHOLE=1.
  mechanism: !hasFentry ? ['raw-tracepoint'] : isWhole ? ['raw-tracepoint', 'fentry'] : ['fentry'],
  life: LIFE_NAMES,
  path: ['start_xmit', 'noqueue', 'fq_codel'],
  skb: ['shared', 'unshared'],
  threads: [1, 2],
  queues: [1, 4],
} as const;

const scenarios = allCombinations(
  DIMENSIONS,
  ({ life, queues }) => queues > 1 || !(life === 'readers on one CPU' || life === 'queues detached and attached'),
);
/** The kernel is a dimension too: every two values meet on some kernel, and each of them is on every kernel. */
const everywhere = isWhole ? scenarios : coveringSelection(scenarios);
const chosen = everywhere.filter((one) => one.series === series);
/** A host that lacks the better mechanism of one event lacks that of the other too. */
const WITHOUT_FENTRY = ['--budget=off', '--mechanism=transmit=raw-tracepoint', '--mechanism=consumed=arithmetic'];
/** The first shared packet makes the agent hook the exit, as on a real host. Several emulated CPUs have it from the start. */
const WITHOUT_EXIT = ['--budget=off', '--detail=cpu', '--mechanism=transmit-exit=waiting'];
let packets = 0;

interface Watch {
  readonly name: string;
  readonly mechanism: (typeof DIMENSIONS.mechanism)[number];
  readonly agent: (t: TestContext) => Promise<Agent>;
  readonly watches: (scenario: (typeof scenarios)[number]) => boolean;
}

const needsExit = ({ skb }: (typeof scenarios)[number]): boolean => skb === 'shared';
const WATCHES: readonly Watch[] = [
  {
    name: 'fentry',
    mechanism: 'fentry',
    agent: (t) => startAgent(t, WITHOUT_EXIT),
    watches: (one) => !needsExit(one),
  },
  {
    name: 'fentry and fexit',
    mechanism: 'fentry',
    agent: standingAgent,
    watches: needsExit,
  },
  {
    name: 'raw tracepoints',
    mechanism: 'raw-tracepoint',
    agent: (t) => startAgent(t, WITHOUT_FENTRY),
    watches: () => true,
  },
];

for (const { name, mechanism, agent: start, watches } of WATCHES) {
  const watched = chosen.filter((one) => one.mechanism === mechanism && watches(one));
  if (watched.length === 0) continue;
  test(`transmit by ${name}`, async (t) => {
    const agent = await start(t);
    const attached = (await agent.metrics()).value('tapscope_probe_attached', { event: 'transmit', mechanism });
    assert.equal(attached, 1);
    for (const scenario of watched) {
      const { life, path, skb, threads, queues } = scenario;
      const from = threads > 1 ? `${threads} threads` : 'one thread';
      const into = queues > 1 ? `${queues} queues` : 'one queue';
      await t.test(`${mechanism}: ${life}; ${skb} packets, ${path}, ${from}, ${into}`, async (t) => {
        const blind = mechanism === 'raw-tracepoint' && path === 'start_xmit';
        packets += await (blind ? marked : exact)(t, agent, scenario);
      });
    }
  });
}

test('a million packets in all', (t) => {
  t.diagnostic(`${packets} packets in ${chosen.length} of ${scenarios.length / SERIES.length} scenarios`);
  assert.ok(packets >= 1_000_000, `${packets} packets`);
});

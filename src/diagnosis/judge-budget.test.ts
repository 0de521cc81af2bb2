// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// Hosts on which watching costs more than the budget, and what is said of them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testHosts } from '../../test/snapshots/judged-hosts.ts';
import { quietHost } from '../../test/snapshots/quiet-host.ts';
import { judge } from './judge.ts';

testHosts([
  {
    host: 'has so many taps that looking at them passes the budget, and exact figures',
    taps: [{ queues: [{}] }],
    agent: { pace: { seconds: 2, judgedEvery: 2 }, overhead: new Map([['agent', 0.021]]) },
    finds: [],
  },
  {
    host: 'has a load that passes the budget',
    taps: [{ queues: [{}] }],
    agent: { level: 'lean' },
    finds: ['agent-over-budget info'],
    says: /^Watching costs more than the budget of tapscope allows: it counts nothing on the enqueue path\.$/,
  },
  {
    host: 'rests',
    taps: [{ queues: [{}] }],
    agent: { level: 'rest' },
    finds: [],
  },
  {
    host: 'does not see all, has a device whose figures are off and passes its budget',
    taps: [{ more: () => ({ degraded: ['packets come past the offered probe'] }) }, {}],
    agent: { namespacesUnresolved: 3, level: 'lean', overhead: new Map([['agent', 0.021]]) },
    finds: ['agent-blind info'],
    says: /^tapscope does not see everything on this host: 3 namespaces could not be entered, and 1 more\. Besides, tapscope costs more than --budget allows, so it does less\.$/,
  },
  {
    host: 'has an agent that has no descriptor left for looks at owners',
    taps: [{ queues: [{}] }],
    agent: { failedLooks: { count: 2, reason: 'Too many open files' } },
    finds: ['agent-blind info'],
    says: /^tapscope does not see everything on this host: owners, drivers and the budget may be old: the last look at them failed \(Too many open files\)\.$/,
  },
  {
    host: 'does not see all, and is asked about a device whose figures are off',
    taps: [{ more: () => ({ degraded: ['packets come past the offered probe'] }) }],
    agent: { namespacesUnresolved: 3 },
    asked: true,
    finds: ['agent-blind info', 'agent-blind info'],
  },
  {
    host: 'has a budget that is large enough',
    taps: [{ queues: [{}] }],
    agent: { pace: { seconds: 1, judgedEvery: 1 }, overhead: new Map([['agent', 0.021]]) },
    finds: [],
  },
]);

test('the one finding about tapscope itself holds what each of several would say', () => {
  const [folded] = judge(
    quietHost([{ more: () => ({ degraded: ['packets come past the offered probe'] }) }], {
      namespacesUnresolved: 3,
      level: 'lean',
      overhead: new Map([['agent', 0.021]]),
    }),
  ).findings;
  assert.deepEqual(folded?.evidence, [
    '3 namespaces could not be entered',
    'the figures of tap0 are not exact: packets come past the offered probe',
    'Watching costs more than the budget of tapscope allows: it counts nothing on the enqueue path.',
    'of all CPUs of this host: agent 2.1 %',
  ]);
  assert.deepEqual([folded?.doubts, folded?.degraded].flat(), folded?.evidence.slice(0, 2));
  assert.deepEqual(
    folded?.remedies.map(({ command }) => command),
    ['tapscope doctor', undefined],
  );
});

test('who asks about a device hears of the device first, and then of the budget', () => {
  const window = quietHost([{ queues: [{}] }], {
    level: 'lean',
    overhead: new Map([['agent', 0.021]]),
  });
  const rules = judge(window, window.devices[0]).findings.map(({ rule }) => rule);
  assert.deepEqual(rules, ['not-here', 'agent-over-budget']);
});

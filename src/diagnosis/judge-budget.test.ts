// SPDX-License-Identifier: Apache-2.0
// Hosts on which watching costs more than the budget, and what is said of them.
import { testHosts } from '../../lab/snapshots/judged-hosts.ts';

testHosts([
  {
    host: 'has so many taps that looking at them passes the budget',
    taps: [{ queues: [{}] }],
    agent: { pace: { seconds: 2, judgedEvery: 2 }, overhead: new Map([['agent', 0.021]]) },
    finds: ['agent-over-budget info'],
    says: /^Watching costs more than the budget of tapscope allows: it looks at the host every 2 s, and it judges every 4 s\.$/,
  },
  {
    host: 'has a load that passes the budget',
    taps: [{ queues: [{}] }],
    agent: { level: 'lean' },
    finds: ['agent-over-budget info'],
  },
  {
    host: 'has a budget that is large enough',
    taps: [{ queues: [{}] }],
    agent: { pace: { seconds: 1, judgedEvery: 1 }, overhead: new Map([['agent', 0.021]]) },
    finds: [],
  },
]);

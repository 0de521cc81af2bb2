// SPDX-License-Identifier: Apache-2.0
import type { Diagnosis } from '../finding.ts';
import type { Rule } from '../rule.ts';
import type { Window } from '../window.ts';
import { percent } from '../words.ts';

export const agentOverBudget: Rule = {
  name: 'agent-over-budget',
  summary: 'watching costs more than --budget allows, so that tapscope does less',
  explanation:
    'Over its budget the agent first does less itself: it looks at the host every two seconds instead of each, then judges every other sample. Where its programs in the kernel are too dear, it then counts nothing on the enqueue path any more (level lean). A scrape still gets figures of its own moment, and counts of packets stay exact. Level lean does not show: bytes, how full a ring was at arrivals, how long packets stayed, and bursts. Before Linux 7.3 it does not show either what single queues of a multi-queue device were offered.\n\n' +
    'The cost is tapscope_overhead_ratio, as a share of all CPUs. A larger budget brings everything back within a minute; so do fewer devices (--device-include, --device-exclude).',
  speaksOf: 'agent',
  needs: [],
  judge: ({ agent }) => {
    const less = whatIsLeftOut(agent);
    return less.length > 0 ? [overBudget(agent, less)] : [];
  },
};

type Agent = Window['agent'];

function overBudget({ overhead }: Agent, less: readonly string[]): Diagnosis {
  const costs = [...overhead].map(([part, share]) => `${part} ${percent(share)}`);
  return {
    severity: 'info',
    netns: undefined,
    device: undefined,
    queue: undefined,
    cause: `Watching costs more than the budget of tapscope allows: ${less.join(', and ')}.`,
    evidence: costs.length > 0 ? [`of all CPUs of this host: ${costs.join(', ')}`] : [],
    remedies: [
      {
        command: undefined,
        effect:
          'Give it a larger --budget, or fewer devices by --device-exclude (ARGS in /etc/default/tapscope, then systemctl restart tapscope).',
        lossless: true,
        restart: false,
        by: 'host',
      },
    ],
    rejected: [],
    confidence: 'high',
    degraded: [],
  };
}

function whatIsLeftOut({ level, pace }: Agent): readonly string[] {
  const looks = pace && pace.seconds > 1 ? [`it looks at the host every ${pace.seconds} s`] : [];
  const judges = pace && pace.judgedEvery > 1 ? [`it judges every ${pace.seconds * pace.judgedEvery} s`] : [];
  return [...looks, ...judges, ...(level === 'lean' ? ['it counts nothing on the enqueue path'] : [])];
}

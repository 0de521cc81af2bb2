// SPDX-License-Identifier: Apache-2.0
import type { Diagnosis } from '../finding.ts';
import { percent } from '../format.ts';
import type { Rule } from '../rule.ts';
import type { Window } from '../window.ts';

export const agentOverBudget: Rule = {
  name: 'agent-over-budget',
  summary: 'tapscope costs more than --budget allows, so it does less',
  explanation:
    'Over its budget the agent first samples the host every two seconds instead of every second, then judges only every other sample. If its programs in the kernel cost too much, it stops counting on the enqueue path (level lean). A scrape still gets fresh figures, and counts of packets stay exact. Level lean lacks bytes, how full a ring was at arrivals, how long packets stayed, and bursts; before Linux 7.3 also what single queues of a multi-queue device were offered.\n\n' +
    'The cost is tapscope_overhead_ratio, as a share of all CPUs. A larger budget brings everything back within a minute; so do fewer devices (--device-include, --device-exclude).',
  symptom: 'agent',
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

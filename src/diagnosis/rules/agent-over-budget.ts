// SPDX-License-Identifier: Apache-2.0
import type { Diagnosis } from '../finding.ts';
import { percent } from '../format.ts';
import type { Rule } from '../rule.ts';
import type { Window } from '../window.ts';

export const agentOverBudget: Rule = {
  name: 'agent-over-budget',
  summary: 'tapscope costs more than --budget allows, so it does less',
  explanation:
    'Over its budget the agent first samples the host every two seconds instead of every second, then judges only every other sample: no figure changes by that, and only the row agent of `tapscope check` says so. If its programs in the kernel cost too much, it stops counting on the enqueue path (level lean). A scrape still gets fresh figures, and counts of packets stay exact. Level lean lacks bytes, how full a ring was at arrivals, how long packets stayed, and bursts; before Linux 7.3 also what single queues of a multi-queue device were offered.\n\n' +
    'The cost is tapscope_overhead_ratio, as a share of all CPUs. A larger budget brings everything back within a minute; so do fewer devices (--device-include, --device-exclude).',
  symptom: 'agent',
  needs: [],
  judge: ({ agent }) => (agent.level === 'lean' ? [overBudget(agent)] : []),
};

function overBudget({ overhead }: Window['agent']): Diagnosis {
  const costs = [...overhead].map(([part, share]) => `${part} ${percent(share)}`);
  return {
    severity: 'info',
    netns: undefined,
    device: undefined,
    queue: undefined,
    cause: 'Watching costs more than the budget of tapscope allows: it counts nothing on the enqueue path.',
    evidence: costs.length > 0 ? [`of all CPUs of this host: ${costs.join(', ')}`] : [],
    remedies: [
      {
        command: undefined,
        effect:
          'Give it a larger --budget (ARGS in /etc/default/tapscope, then systemctl restart tapscope); its history begins anew.',
        lossless: true,
        restart: true,
        losesHistory: true,
        by: 'host',
      },
    ],
    rejected: [],
    confidence: 'high',
    degraded: [],
  };
}

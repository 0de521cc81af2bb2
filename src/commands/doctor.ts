// SPDX-License-Identifier: Apache-2.0
// `tapscope doctor`: what this host lets us see, by which mechanism, why not by a better one, and what to do.

import { attachProbes, type Choice, type Probes } from '../engine/attach.ts';
import { skbPaths } from '../engine/code/skb-paths.ts';
import { agentPid } from '../kernel/agent-lock.ts';
import { CAPABILITIES, capabilityNames, type Host, readHost } from '../kernel/host.ts';
import { landlock } from '../kernel/processes/landlock.ts';
import { type DoctorReport, type EventReport, renderDoctor, renderDoctorShort } from '../outputs/doctor-text.ts';
import type { AgentSelf } from '../server/agent-self.ts';
import { escapedJson } from '../snapshot/visible.ts';
import { EVENTS, PROBED, parseForced } from '../subjects/list.ts';
import { talkToAgent } from './agent-silence.ts';
import { askSelf } from './ask-agent.ts';
import { reportFunctions } from './attached-functions.ts';

/** While it loads its programs, an agent answers nothing for seconds. */
const PATIENCE_MS = 5000;

interface DoctorOptions {
  readonly json: boolean;
  /** Each event, and why not by a better mechanism. */
  readonly verbose: boolean;
  /** The values of --mechanism: EVENT=NAME. */
  readonly mechanisms: readonly string[];
  readonly pin: boolean;
  /** Where an agent may listen. */
  readonly socket: string;
}

/** Exit code 0: every event by its best mechanism; 1: fallbacks; 3: something is not measured at all. */
export async function doctor({ json, verbose, mechanisms, pin, socket }: DoctorOptions): Promise<number> {
  const host = readHost(PROBED);
  const probes = attachProbes(host, EVENTS, { forced: parseForced(mechanisms), pin });
  const report = reportOf(host, probes, await seenAgent(socket));
  probes.close();
  process.stdout.write(
    json
      ? `${escapedJson(JSON.stringify(report, null, 2))}\n`
      : verbose
        ? renderDoctor(report)
        : renderDoctorShort(report),
  );
  return { best: 0, fallbacks: 1, blind: 3 }[report.verdict];
}

interface SeenAgent {
  readonly agent: AgentSelf | null;
  /** Why it does not say more of itself; null: it does, or none runs. */
  readonly agentSilence: string | null;
}

/** The lock tells of an agent that listens elsewhere, or not at all. */
async function seenAgent(socket: string): Promise<SeenAgent> {
  const { said, silence } = await talkToAgent(socket, PATIENCE_MS, (limit) => askSelf(socket, limit));
  if (said) return { agent: said, agentSilence: silence?.words ?? null };
  const pid = agentPid();
  const elsewhere = pid === undefined ? null : `an agent (pid ${pid}) runs and does not answer on ${socket}`;
  return { agent: null, agentSilence: silence?.words ?? elsewhere };
}

function reportOf(host: Host, probes: Probes, seen: SeenAgent): DoctorReport {
  const events = eventsOf(probes);
  const states = events.map(({ state }) => state);
  const { files, missing = 'this kernel has it' } = landlock();
  return {
    schema: 1,
    verdict: states.includes('blind') ? 'blind' : states.includes('fallback') ? 'fallbacks' : 'best',
    kernel: host.release,
    ...seen,
    possibleCpus: host.possibleCpus,
    features: [
      { name: 'BTF', present: host.btf !== undefined, hint: 'needs a kernel built with CONFIG_DEBUG_INFO_BTF' },
      {
        name: 'BTF of modules',
        present: host.hasModuleTypes,
        hint: `came with Linux 5.11 (CONFIG_DEBUG_INFO_BTF_MODULES); without it ${host.limits.tunStructs ? 'vhost-net, refused writes and changes of queues are not seen' : 'only the counters of devices (rtnetlink) are shown'}`,
      },
      {
        name: 'BPF programs that read kernel memory',
        present: !host.isConfidential,
        hint: 'this kernel runs with lockdown=confidentiality; boot it with lockdown=integrity. Only the counters of devices (rtnetlink) are shown',
      },
      { name: 'tun driver', present: host.tunLoaded, hint: 'modprobe tun' },
      {
        name: 'processes of the host',
        present: host.seesHostProcesses,
        hint: 'run in its PID namespace (docker run --pid=host, hostPID: true); without it the owners of queues are unknown',
      },
      {
        name: 'kernel symbols',
        present: host.symbols !== undefined,
        hint: 'grant CAP_SYSLOG; sysctl kernel.kptr_restrict=1',
      },
      {
        name: 'Landlock',
        present: files,
        hint: `${missing}; without it the process that answers requests may read what every user may, and with --otlp connect to any TCP port`,
      },
    ],
    rights: capabilityNames.map((name) => ({
      name,
      present: host.capabilities.has(name) || (name === 'CAP_SYSLOG' && host.symbols !== undefined),
      use: CAPABILITIES[name].use,
    })),
    pins: probes.choices().flatMap(({ event, mechanism }) => (mechanism?.pins ? [event.name] : [])),
    skbPaths: skbPaths(probes),
    functions: reportFunctions(probes.choices(), probes.programs),
    events,
  };
}

/** How each event is measured, for the sentence that the agent says at its start too. */
export function eventsOf(probes: Probes): readonly EventReport[] {
  return probes.choices().map((choice) => ({
    event: choice.event.name,
    measures: choice.event.measures,
    mechanism: choice.mechanism?.name ?? null,
    state: stateOf(choice),
    tradeoff: stateOf(choice) === 'fallback' ? (choice.mechanism?.tradeoff ?? null) : null,
    inexact: isInexact(choice),
    refused: choice.refused.filter(({ kind }) => kind !== 'forced' || !choice.mechanism),
  }));
}

/** Where the kernel has nothing to measure, as without vhost-net, no program runs and nothing is inexact. */
function isInexact(choice: Choice): boolean {
  const { effect, programs = [] } = choice.mechanism ?? {};
  return effect === 'inexact' && (programs.length > 0 || stateOf(choice) === 'fallback');
}

/** A mechanism is no fallback where the kernel has no better one, where no better one was asked for, or where nothing is lost. */
function stateOf({ mechanism, refused }: Choice): 'best' | 'fallback' | 'blind' {
  if (!mechanism) return 'blind';
  if (mechanism.effect === 'none') return 'best';
  return refused.some(({ kind }) => kind !== 'absent' && kind !== 'on-demand') ? 'fallback' : 'best';
}

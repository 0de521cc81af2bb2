// SPDX-License-Identifier: Apache-2.0
// One limit for a whole conversation with the agent, and why it is silent: stopped, frozen, or slower than that.
import { agentPid } from '../kernel/agent-lock.ts';
import { shortOfCpu } from '../kernel/load-average.ts';
import { unixPeerPid } from '../kernel/native.ts';
import { type ProcessState, readState } from '../kernel/process-state.ts';

export interface Silence {
  /** The agent is stopped and cannot answer until it is continued; else it may be busy. */
  readonly halted: boolean;
  /** 'the agent (pid 7) is stopped by a signal (state T), last ran at least 71 s ago: kill -CONT 7' */
  readonly words: string;
}

interface Talk<Said> {
  /** undefined: it was cut. */
  readonly said: Said | undefined;
  /** undefined: all was answered in time. */
  readonly silence: Silence | undefined;
}

/** A healthy agent answers within some milliseconds, and while it attaches its probes within seconds. */
const LOOK_EVERY_MS = 300;
const STATES: Readonly<Record<string, string>> = {
  R: 'it runs or waits for a CPU',
  S: 'it sleeps',
  D: 'it waits for a device or for memory',
  Z: 'it has ended, and its parent does not know yet',
};

/**
 * Until all of `work` is answered, for `patienceMs`, or until the agent is seen to be stopped. `work` takes its questions back
 * at the limit: what it throws then is why it is silent. `load`: what wants to run, where that is more than the CPUs can.
 */
export async function talkToAgent<Said>(
  socket: string,
  patienceMs: number,
  work: (limit: AbortSignal) => Promise<Said>,
  load: string | undefined = shortOfCpu(),
): Promise<Talk<Said>> {
  const limit = new AbortController();
  const began = performance.now();
  let pid: number | undefined;
  const timer = setInterval(() => {
    // The process that counts; of an agent without a lock, the one that listens.
    pid ??= agentPid() ?? unixPeerPid(socket);
    const isOver = performance.now() - began >= patienceMs;
    if (isOver || (pid !== undefined && isHalted(readState(pid)))) limit.abort();
  }, LOOK_EVERY_MS);
  try {
    const said = await work(limit.signal);
    pid ??= agentPid() ?? unixPeerPid(socket);
    // What serves answers from what it was sent last, and is told nothing of a process that was stopped since.
    if (pid !== undefined && isHalted(readState(pid))) return { said: undefined, silence: silenceOf(pid, began, load) };
    return { said, silence: limit.signal.aborted ? silenceOf(pid, began, load) : undefined };
  } catch (error) {
    if (!limit.signal.aborted) throw error;
    return { said: undefined, silence: silenceOf(pid, began, load) };
  } finally {
    clearInterval(timer);
  }
}

function isHalted(state: ProcessState | undefined): boolean {
  return state !== undefined && (state.frozen || /[Tt]/.test(state.state));
}

function silenceOf(pid: number | undefined, began: number, load: string | undefined): Silence {
  const seen = pid === undefined ? undefined : readState(pid);
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  return { halted: isHalted(seen), words: wordsOf(pid, seen, seconds, load) };
}

function wordsOf(
  pid: number | undefined,
  seen: ProcessState | undefined,
  seconds: string,
  load: string | undefined,
): string {
  if (pid === undefined || !seen) return `the agent did not answer for ${seconds} s`;
  const { state, frozen, idleSeconds } = seen;
  const ran = idleSeconds === undefined ? '' : `, last ran at least ${Math.floor(idleSeconds)} s ago`;
  const agent = `the agent (pid ${pid})`;
  if (frozen) return `${agent} is frozen with its cgroup${ran}: thaw the cgroup that /proc/${pid}/cgroup names`;
  if (state === 'T') return `${agent} is stopped by a signal (state T)${ran}: kill -CONT ${pid}`;
  if (state === 't') return `${agent} is stopped by a debugger (state t)${ran}`;
  if (load !== undefined && (state === 'R' || state === 'S'))
    return `${agent} gets no CPU (${load}) and did not answer for ${seconds} s`;
  return `${agent} did not answer for ${seconds} s (state ${state}${STATES[state] ? `: ${STATES[state]}` : ''})`;
}

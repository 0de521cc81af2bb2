// SPDX-License-Identifier: Apache-2.0
// Run time of the virtual machine that holds a queue: the CPUs of a paused one did not run.
import type { VirtualCpus } from '../../snapshot/owner.ts';
import { count, duration } from '../format.ts';
import type { QueueSpan } from '../window.ts';

interface VcpuSpan {
  readonly threads: number;
  readonly areNamed: boolean;
  /** Between the first and the last time that they were looked at. */
  readonly seconds: number;
  /** CPU time of all of them in that. */
  readonly ranSeconds: number;
  /** Seconds until the last sample in which none of them ran. */
  readonly idleSeconds: number;
  /** One of them wanted to run meanwhile. */
  readonly wanted: boolean;
  /** The share of the samples at which one of them ran or wanted to. */
  readonly wantedShare: number;
}

/** An idle guest's timers run more often than that. */
const PAUSED_SECONDS = 4;
/** Shares of the samples and of one CPU's time. An idle guest may want to run at most samples, and uses 1/20 CPU. */
const NEARLY_ALWAYS = 0.8;
const HARDLY = 0.02;

/** undefined: nothing looked at them twice. */
export function vcpuSpan({ now, steps }: QueueSpan): VcpuSpan | undefined {
  const { owner } = now;
  const last = owner?.vcpus;
  if (!last) return undefined;
  const looks = steps.flatMap(({ owner: one }) => (one?.vcpus && one.pid === owner.pid ? one.vcpus : []));
  const same = looks.filter(({ threads, areNamed }) => threads === last.threads && areNamed === last.areNamed);
  const first = same[0];
  if (!first || first.readAt === last.readAt) return undefined;
  const idle = same.filter(({ ranSeconds }) => ranSeconds === last.ranSeconds);
  const idleSince = idle[0] ?? last;
  return {
    ...{ threads: last.threads, areNamed: last.areNamed },
    ...{ seconds: last.readAt - first.readAt, ranSeconds: last.ranSeconds - first.ranSeconds },
    idleSeconds: last.readAt - idleSince.readAt,
    wanted: idle.some(wants),
    wantedShare: same.filter(wants).length / same.length,
  };
}

function wants({ runnable = 0 }: VirtualCpus): boolean {
  return runnable > 0;
}

export function isPaused(queue: QueueSpan): boolean {
  const span = vcpuSpan(queue);
  return span !== undefined && stands(span);
}

function stands({ idleSeconds, wanted }: VcpuSpan): boolean {
  return idleSeconds >= PAUSED_SECONDS && !wanted;
}

/** They could run nearly always, and hardly did: the thread that reads sleeps, for it waits for them. */
export function starvedVcpus(queue: QueueSpan): string | undefined {
  const span = vcpuSpan(queue);
  if (!span || span.seconds < PAUSED_SECONDS || span.wantedShare < NEARLY_ALWAYS) return undefined;
  if (span.ranSeconds > HARDLY * span.seconds) return undefined;
  return `${threadsOf(span)} could run and got ${duration(span.ranSeconds)} of CPU in ${duration(span.seconds)}`;
}

/** 'none of its 4 vCPU threads ran for 10 s', or how much they ran. */
export function vcpuEvidence(queue: QueueSpan): string | undefined {
  const span = vcpuSpan(queue);
  if (!span) return undefined;
  const { threads, seconds, ranSeconds, idleSeconds } = span;
  if (stands(span)) return `none of its ${threadsOf(span)} ran for ${duration(idleSeconds)}`;
  if (ranSeconds === 0) return undefined; // too short to tell
  return `the VM runs: ${threads === 1 ? 'its' : `the ${count(threads)}`} ${nameOf(span)} used ${duration(ranSeconds)} of CPU in ${duration(seconds)}`;
}

function threadsOf(span: VcpuSpan): string {
  return `${count(span.threads)} ${nameOf(span)}`;
}

function nameOf({ threads, areNamed }: Pick<VirtualCpus, 'threads' | 'areNamed'>): string {
  return `${areNamed ? 'vCPU thread' : 'other thread'}${threads === 1 ? '' : 's'}`;
}

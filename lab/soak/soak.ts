// SPDX-License-Identifier: Apache-2.0
// One agent for hours: devices that come and go, traffic, clients and faults, all at once, until the time is over.
import { setTimeout as wait } from 'node:timers/promises';
import { randomOf } from '../../test/host/random.ts';
import { scoped } from '../../test/host/scope.ts';
import { FAULTS } from '../faults/all-faults.ts';
import type { Fault } from '../faults/fault.ts';
import { FaultHost } from '../faults/fault-host.ts';
import { leftBehind, playJudged } from '../faults/play-fault.ts';
import { bpfNamesOf, bpfOrphans } from '../faults/traces.ts';
import { inhabit } from './population.ts';
import { askAllTheTime } from './soak-clients.ts';
import type { SoakRecord } from './soak-record.ts';
import { isFitted } from './soak-table.ts';

const PLACES = 4;
const FAULT_EACH_MS = 12_000;
/** Faults that end the process that counts, start another agent beside it or in its place, bring more devices than there are rows, or count those that end. */
const OF_ANOTHER_AGENT =
  /^SIG(?:KILL|TERM) (?!of the process that serves)|at the start|memory limit|as a service|more devices than rows|live for a moment/;
/** Faults after which the memory of the serving process begins anew. */
const ENDS_SERVING = /SIGKILL of the process that serves|the process that serves is killed/;
/** One of them in so many faults: one that ends again within a minute is started with pauses, in which nothing can be asked. */
const ENDING_EACH = 6;

export const MILD: readonly Fault[] = FAULTS.filter(
  ({ name, start }) => start === undefined && !OF_ANOTHER_AGENT.test(name),
);

interface Soak {
  readonly hours: number;
  readonly seed: number;
  readonly record: SoakRecord;
  /** Ends the run before its time, as if that were over. */
  readonly nevermind: AbortSignal;
}

export async function soak({ hours, seed, record, nevermind }: Soak): Promise<void> {
  const random = randomOf(seed);
  await scoped(async (t) => {
    const host = await FaultHost.make(t);
    host.configure({});
    await host.start();
    const names = bpfNamesOf(host.agent.pid);
    const traces = { names, orphans: bpfOrphans(names) };
    const isOver = (): boolean => nevermind.aborted || record.now > 3600 * hours;
    await Promise.all([
      askAllTheTime({ host, record, isOver }),
      ...Array.from({ length: PLACES }, (_, place) => inhabit({ host, record, random, isOver }, place)),
      playFaults(host, record, hours, isOver),
    ]);
    await host.stop();
    const left = await leftBehind(host, traces);
    const stacks = host.ended.filter(({ stderr }) => /\n\s+at |It crashed|FATAL ERROR/.test(stderr)).length;
    record.add({ kind: 'end', s: record.now, left, stacks });
  });
}

/** All of them before one comes again; while the process that serves may be killed, some do that. */
async function playFaults(host: FaultHost, record: SoakRecord, hours: number, isOver: () => boolean): Promise<void> {
  const usual = [host.quiet, host.loaded];
  const [ending, lasting] = [
    MILD.filter(({ name }) => ENDS_SERVING.test(name)),
    MILD.filter(({ name }) => !ENDS_SERVING.test(name)),
  ];
  for (let turn = 0; !isOver(); turn += 1) {
    await wait(FAULT_EACH_MS);
    const isEnding = !isFitted(record.now, hours) && turn % ENDING_EACH === ENDING_EACH - 1;
    const ended = Math.floor(turn / ENDING_EACH);
    const [faults, index] = isEnding ? [ending, ended] : [lasting, turn - ended];
    const fault = faults[index % faults.length];
    if (!fault) return;
    const began = record.now;
    const judged = await playJudged(host, fault).catch((error: unknown) => ({
      wrong: 0,
      isMarked: false,
      failure: error instanceof Error ? error.message : String(error),
    }));
    const { wrong, isMarked } = judged;
    const failure = 'failure' in judged ? judged.failure : undefined;
    record.add({ kind: 'fault', began, s: record.now, name: fault.name, wrong, isMarked, failure });
    if (failure === undefined) continue;
    // What a fault made that broke off is not held against the next.
    for (const tap of host.taps) if (!usual.includes(tap)) host.taps.delete(tap);
    for (const tap of usual) await tap.unload();
  }
}

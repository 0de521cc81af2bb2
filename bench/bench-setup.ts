// SPDX-License-Identifier: Apache-2.0
// What each cell of a bench runs on: the traffic program in its namespace, and an agent that sees its device and no other.
import { setTimeout as wait } from 'node:timers/promises';
import { Agent } from '../src/agent/agent.ts';
import { errnoOf } from '../src/kernel/error-name.ts';
import type { Device } from '../src/snapshot/device.ts';
import type { TunPath } from './bench-report.ts';
import type { Traffic } from './traffic/traffic.ts';

export const DEVICE = 'bench0';
/** The device of the second guest, which receives what the first guest sends. */
export const SECOND_DEVICE = 'bench1';
export const BRIDGE = 'bench-bridge';
export const RING = 1000;
const POLL_MS = 20;

/** Why this host cannot measure a cell. */
export class Missing extends Error {}

export interface BenchSetup {
  readonly traffic: Traffic;
  /** Threads of pktgen for the namespace of the traffic, by thread id. */
  readonly generators: ReadonlyMap<number, string>;
  /** A device as a fresh snapshot has it; the first one, if none is named. */
  look(name?: string): Promise<Device>;
  /** Send cells sample where threads spend their time, which costs them some of it. */
  readonly profiles: boolean;
  /** Between what is measured: probes for modules that came, owners. */
  refresh(): Promise<void>;
  /** A bench that was interrupted ends at its next wait. */
  readonly interrupted: AbortSignal;
}

export interface Eyes {
  /** The CPU on which each packet is freed is counted too, which costs every packet of the host. */
  readonly allocation: boolean;
  look(name?: string): Promise<Device>;
  tunPaths(): readonly TunPath[];
  refresh(): Promise<void>;
  close(): void;
}

/**
 * No budget: the level must not change while something is measured. One snapshot is taken before any device is made: the agent
 * counts a device that it saw appear to the packet from the first one on, and others only after their first rest.
 */
export async function openEyes(netns: number, allocation: boolean): Promise<Eyes> {
  const agent = allocation ? allocationAgent() : startAgent();
  for (const event of ['devices', 'transmit', 'freed']) {
    if (agent.probes.mechanism(event) !== undefined) continue;
    agent.close();
    throw new Error(
      `The agent cannot measure '${event}' on this host, so there is nothing to show: 'tapscope doctor' says why.`,
    );
  }
  await agent.take();
  return {
    allocation,
    look: async (name = DEVICE) => {
      const { devices } = await agent.take();
      const device = devices.find((one) => one.netns === netns && one.name === name);
      if (!device)
        throw new Error("The agent does not see the bench's device: 'tapscope doctor' says what it sees here.");
      return device;
    },
    tunPaths: () => agent.tunPaths(),
    refresh: () => agent.refresh(),
    close: () => agent.close(),
  };
}

/** Packets that go back to another CPU are counted too, where the host can. */
function allocationAgent(): Agent {
  const best = startAgent(['allocation', 'fentry']);
  if (best.probes.can('deferred-frees')) return best;
  best.close();
  return startAgent(['allocation', 'tp_btf']);
}

type Forced = readonly (readonly [event: string, mechanism: string])[];

/** pktgen's packets are shared: an agent that hooks the exit of transmit when the first of them comes has not counted those before. */
function startAgent(...forced: Forced): Agent {
  const agent = agentWith(forced);
  if (!agent.probes.can('entry-only') || agent.probes.can('exits')) return agent;
  agent.close();
  return agentWith([...forced, ['transmit-exit', 'fexit']]);
}

function agentWith(forced: Forced): Agent {
  return new Agent(
    { forced: new Map(forced), pin: true },
    { filter: (name) => name === DEVICE || name === SECOND_DEVICE, perCpu: false, budget: undefined },
  );
}

export async function pause(seconds: number, interrupted: AbortSignal): Promise<void> {
  await wait(1000 * seconds, undefined, { signal: interrupted });
}

/** Throws if it is not so in time: what hangs must show. */
export async function until(
  what: string,
  seconds: number,
  { interrupted }: BenchSetup,
  done: () => boolean | Promise<boolean>,
): Promise<void> {
  const deadline = performance.now() + 1000 * seconds;
  while (!(await done())) {
    if (performance.now() > deadline) throw new Error(`It took longer than ${seconds} s until ${what}.`);
    await wait(POLL_MS, undefined, { signal: interrupted });
  }
}

/** Turns errors of these codes into: this host does not have it. */
export function missingIf(...codes: readonly string[]): (error: unknown) => never {
  return (error) => {
    if (error instanceof Error && codes.includes(errnoOf(error) ?? ''))
      throw new Missing(error.message, { cause: error });
    throw error;
  };
}

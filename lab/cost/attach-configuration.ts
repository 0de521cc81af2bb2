// SPDX-License-Identifier: Apache-2.0
// Attaches a configuration inside the VM.
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { Demands } from '../../src/agent/demands.ts';
import { SnapshotTaker } from '../../src/agent/snapshot-taker.ts';
import { attachProbes, type Probes } from '../../src/engine/attach.ts';
import { Generations } from '../../src/engine/generations.ts';
import type { Level } from '../../src/engine/mechanism.ts';
import { OPEN_MS } from '../../src/engine/question.ts';
import { Rows } from '../../src/engine/rows.ts';
import { type Walk, Walker } from '../../src/engine/walk.ts';
import { type Host, readHost } from '../../src/kernel/host.ts';
import { BpfObject, Btf } from '../../src/kernel/native.ts';
import { Follow } from '../../src/losses/follow.ts';
import type { Device } from '../../src/snapshot/device.ts';
import { EVENTS, PROBED } from '../../src/subjects/list.ts';
import { until } from '../../test/host/until.ts';
import { CannotAttach } from './cannot-attach.ts';
import type { Attached } from './configurations.ts';
import { startTool } from './start-tool.ts';

export interface Attachment {
  /** Devices whose packets it has counted; undefined: it does not say. */
  readonly devices: () => number | undefined;
  readonly detach: () => Promise<void>;
}

const objects = join(import.meta.dirname, '../../dist/lab');

export async function attach(attached: Attached): Promise<Attachment> {
  switch (attached.kind) {
    case 'nothing':
      return { devices: () => undefined, detach: async () => {} };
    case 'product':
      return attachProduct(attached.forced, attached.level);
    case 'everything':
      return attachProduct(onDemand(readHost(PROBED)), 'exact');
    case 'asked':
      return attachAsked(attached.forced);
    case 'follow':
      return attachFollow(attached.rate, attached.mechanism);
    case 'object':
      return attachObject(attached.object, attached.programs);
    case 'tool':
      return { devices: () => undefined, detach: await startTool(attached.tool) };
  }
}

/** Every second: programs rely on what it finds, and some are attached because of it. */
function walkAsTheAgentDoes(probes: Probes, walker: Walker, demands: Demands): void {
  const walk = (): Walk =>
    walker.walk({
      stops: probes.mechanism('stops') === 'fentry',
      consumed: probes.mechanism('consumed') === 'fentry',
      departures: probes.mechanism('departures') === 'consumed',
      exits: probes.mechanism('transmit-exit') === 'fexit',
    });
  demands.update(walk().devices, performance.now() / 1000);
  walk();
}

function attachProduct(forced: Readonly<Record<string, string>>, level: Level): Attachment {
  const probes = attachProbes(readHost(PROBED), EVENTS, { forced: new Map(Object.entries(forced)), pin: true });
  probes.setLevel(level);
  for (const [event, mechanism] of Object.entries(forced)) {
    if (mechanism === 'off' || probes.mechanism(event) === mechanism) continue;
    const state = probes.states().find((one) => one.event === event);
    probes.close();
    throw new CannotAttach(state?.reason ?? `there is no event ${event}`);
  }
  const { programs } = probes;
  if (programs)
    walkAsTheAgentDoes(probes, new Walker(programs.object, new Generations()), new Demands(probes, programs.object));
  return {
    devices: () => (programs ? new Rows(programs.object, new Generations(), () => false).read(false).devices.size : 0),
    detach: async () => probes.close(),
  };
}

/** Where this host has no better mechanism than one on demand. */
function onDemand(host: Host): Readonly<Record<string, string>> {
  const best = EVENTS.map(({ name, mechanisms }) => [name, mechanisms.find((one) => !one.unavailable(host))] as const);
  return Object.fromEntries(best.flatMap(([event, one]) => (one?.onDemand ? [[event, one.name]] : [])));
}

/** The programs that a person's question attaches, once those of bridges are among them; they stay, for nobody takes another sample meanwhile. */
async function attachAsked(forced: Readonly<Record<string, string>>): Promise<Attachment> {
  const host = readHost(PROBED);
  const probes = attachProbes(host, EVENTS, { forced: new Map(Object.entries(forced)), pin: true });
  const taker = new SnapshotTaker(host, probes, { filter: () => true, perCpu: false, budget: undefined });
  const sample = async (): Promise<readonly Device[]> => {
    const { devices } = await taker.take();
    await taker.refresh();
    await wait(100);
    return devices;
  };
  const isAsked = (one: Device): boolean => one.sentOn !== undefined && one.surroundings !== undefined;
  taker.ask();
  let asked: readonly Device[] = [];
  const isReady = async (): Promise<boolean> => {
    const devices = await sample();
    asked = devices.filter(isAsked);
    return asked.length === devices.length && asked.some(({ surroundings }) => surroundings?.table);
  };
  await until(isReady, OPEN_MS);
  if (!(await isReady())) throw new Error(`A question is open, and ${asked.length} devices are followed.`);
  return {
    devices: () => asked.length,
    detach: async () => {
      await until(async () => (await sample()).every(({ sentOn }) => sentOn === undefined), 2 * OPEN_MS);
      probes.close();
    },
  };
}

function attachFollow(rate: number, mechanism: string): Attachment {
  const follow = new Follow({ rate, stacks: false, reason: undefined, chosenOnly: false, mechanism });
  return {
    devices: () => new Set(follow.counts().map(({ key }) => key.deviceId)).size,
    detach: async () => follow.close(),
  };
}

function attachObject(name: string, programs: readonly string[]): Attachment {
  const object = new BpfObject(join(objects, `${name}.bpf.o`));
  for (const program of object.programs) {
    object.setAutoload(program.name, programs.includes(program.name));
    if (program.name.endsWith('_fsession')) object.setAttachType(program.name, fsessionType() ?? 0);
  }
  try {
    if (programs.some((program) => program.endsWith('_fsession')) && fsessionType() === undefined)
      throw new Error('this kernel has no fsession');
    object.load(PROBED.modules);
    for (const program of programs) object.attach(program);
  } catch (error) {
    object.close();
    const reason = error instanceof Error ? (error.message.split('\n', 1)[0] ?? '') : String(error);
    throw new CannotAttach(reason.replaceAll(`${objects}/`, ''));
  }
  return { devices: () => undefined, detach: async () => object.close() };
}

/** One trampoline for entry and exit, since Linux 7.1; before, the attach type does not exist. */
function fsessionType(): number | undefined {
  const types = Btf.kernel().enumValues('bpf_attach_type') ?? [];
  return types.find(({ name }) => name === 'BPF_TRACE_FSESSION')?.value;
}

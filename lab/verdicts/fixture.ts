// SPDX-License-Identifier: Apache-2.0
// A window as a file: what rules were shown in the lab, of one scenario's devices, and what they have to say of it again.
import { gunzipSync, gzipSync } from 'node:zlib';
import type { Finding } from '../../src/diagnosis/finding.ts';
import { judge } from '../../src/diagnosis/judge.ts';
import { windowOf } from '../../src/diagnosis/window.ts';
import type { Snapshot } from '../../src/snapshot/snapshot.ts';
import type { Act } from './step.ts';

export interface Fixture {
  readonly scenario: string;
  readonly kernel: string;
  readonly netns: number;
  /** The device that the operator asked about. */
  readonly asked: string | undefined;
  /** Faults by device, '' for the agent. Without faults the rules may give nothing but information. */
  readonly faults: readonly { readonly device: string; readonly rule: string; readonly also: readonly string[] }[];
  readonly snapshots: readonly Snapshot[];
}

/** Only what belongs to one namespace; why a mechanism was not attached names paths of the machine. */
export function reduced({ takenAt, devices, agent }: Snapshot, netns: number): Snapshot {
  const own = (texts: ReadonlyMap<number, string> = new Map()): ReadonlyMap<number, string> =>
    new Map([...texts].filter(([inode]) => inode === netns));
  const namespaceNames = own(agent.namespaceNames);
  const namespacePaths = own(agent.namespacePaths);
  const probes = agent.probes.map((probe) => ({ ...probe, reason: undefined }));
  const there = devices.filter((device) => device.netns === netns);
  return { takenAt, devices: there, agent: { ...agent, probes, namespaceNames, namespacePaths } };
}

export function firstMiddleLast<Item>(items: readonly Item[]): readonly Item[] {
  return [0, Math.floor(items.length / 2), items.length - 1].flatMap((place) => items[place] ?? []);
}

export function packFixture(fixture: Fixture): Buffer {
  return gzipSync(
    JSON.stringify(fixture, (_, value: unknown) => (value instanceof Map ? { map: [...value] } : value)),
    { level: 9 },
  );
}

export function unpackFixture(bytes: Buffer): Fixture {
  return JSON.parse(gunzipSync(bytes).toString(), mapAgain);
}

function mapAgain(_: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !('map' in value) || !Array.isArray(value.map)) return value;
  return new Map(value.map);
}

/** undefined: no window shows the rules what they have to say, so that there is nothing to hold them to. */
export function fixtureOf(kernel: string, act: Act): Fixture | undefined {
  const { faults, name, asked } = act.scenario;
  const told = faults.map(({ device, rule, also = [] }) => ({ device, rule, also }));
  for (const window of act.windows()) {
    const whole = window.map((snapshot) => reduced(snapshot, act.netns));
    for (const snapshots of [firstMiddleLast(whole), whole]) {
      const fixture = { scenario: name, kernel, netns: act.netns, asked, faults: told, snapshots };
      if (snapshots.length > 1 && objections(fixture).length === 0) return fixture;
    }
  }
  return undefined;
}

/** Differences between what today's rules say of the fixture and what they have to say. */
export function objections({ faults, snapshots, netns, asked }: Fixture): readonly string[] {
  const window = windowOf(snapshots);
  const { findings } = judge(
    window,
    window.devices.find(({ now }) => now.name === asked),
  );
  const ofDevice = (name: string): readonly Finding[] =>
    findings.filter(({ netns: where, device }) =>
      name === '' ? where === undefined : where === netns && device === name,
    );
  const alarms = findings.filter(
    ({ device = '', severity }) => severity !== 'info' && !faults.some((fault) => fault.device === device),
  );
  return [
    ...alarms.map(({ rule, device }) => `false alarm ${rule} on ${device}`),
    ...faults.flatMap(({ device, rule, also }) => {
      const rules = ofDevice(device).map((finding) => finding.rule);
      const first = rules[0] === rule ? [] : [`on ${device}: ${rules[0] ?? 'nothing'} instead of ${rule}`];
      return [...first, ...also.filter((one) => !rules.includes(one)).map((one) => `on ${device}: no ${one}`)];
    }),
  ];
}

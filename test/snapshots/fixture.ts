// SPDX-License-Identifier: Apache-2.0
// A window as a file: what rules were shown in the lab, of one scenario's devices, and what they have to say of it again.
import { gunzipSync, gzipSync } from 'node:zlib';
import type { Finding } from '../../src/diagnosis/finding.ts';
import { judge } from '../../src/diagnosis/judge.ts';
import { windowOf } from '../../src/diagnosis/window.ts';
import type { Snapshot } from '../../src/snapshot/snapshot.ts';

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

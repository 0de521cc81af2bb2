// SPDX-License-Identifier: Apache-2.0
// Tables of hosts and what is found on them; each again with hostile names, whose commands are pasted.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judge } from '../../src/diagnosis/judge.ts';
import { windowOf } from '../../src/diagnosis/window.ts';
import type { AgentState } from '../../src/snapshot/snapshot.ts';
import { assertPastedSafely } from './pasted-safely.ts';
import { quietSnapshots, type TapPlan } from './quiet-host.ts';

interface JudgedHost {
  /** 'a host that …' */
  readonly host: string;
  readonly taps: readonly TapPlan[];
  readonly agent?: Partial<AgentState>;
  /** Seconds that the window lasts, and seconds between two snapshots. */
  readonly seconds?: number;
  readonly stepSeconds?: number;
  /** The operator asks about the first device. */
  readonly asked?: true;
  /** 'rule severity', in order; of a device that is not the first, its name before. */
  readonly finds: readonly string[];
  /** What the first finding says. */
  readonly says?: RegExp;
  /** What is to be typed first. */
  readonly types?: string;
  /** The first doubt of the first finding. */
  readonly doubts?: RegExp;
}

export function testHosts(hosts: readonly JudgedHost[]): void {
  for (const one of hosts) test(`a host that ${one.host}`, () => testHost(one));
}

function testHost({ taps, agent, seconds, stepSeconds, asked, finds, says, types, doubts }: JudgedHost): void {
  const snapshots = quietSnapshots(taps, agent, seconds, stepSeconds);
  const window = windowOf(snapshots);
  const { findings, unjudged } = judge(window, asked && window.devices[0]);
  const told = findings.map(
    ({ rule, severity, device = 'tap0' }) => `${device === 'tap0' ? '' : `${device} `}${rule} ${severity}`,
  );
  assert.deepEqual(told, finds, JSON.stringify({ findings, unjudged }, null, 1));
  if (says) assert.match(findings[0]?.cause ?? '', says);
  if (types) assert.equal(findings[0]?.remedies[0]?.command, types);
  if (doubts) assert.match(findings[0]?.doubts?.[0] ?? '', doubts);
  for (const { cause, evidence, remedies, rejected } of findings) {
    assert.ok(cause.length <= 200, `${cause.length}: ${cause}`);
    for (const line of evidence) assert.ok(line.length <= 100, `${line.length}: ${line}`);
    for (const line of [cause, ...evidence, ...rejected.map(({ because }) => because)])
      assert.doesNotMatch(
        line,
        /(?<!\d )\b1 (?:overflows|others|siblings|other queues|addresses)\b/,
        'of one the word is singular',
      );
    for (const { because } of rejected) assert.doesNotMatch(because, /^0 packets/);
    for (const { effect } of remedies) assert.ok(effect.length <= 160, `${effect.length}: ${effect}`);
  }
  assertPastedSafely(snapshots, asked && 0);
}

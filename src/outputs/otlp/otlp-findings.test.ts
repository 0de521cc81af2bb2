// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { attributesOf } from '../../../test/agent/otlp-samples.ts';
import { at, listAt, parseJson } from '../../../test/host/checked-json.ts';
import { madeUpFinding } from '../../../test/snapshots/made-up-finding.ts';
import type { TrackedFinding } from '../../diagnosis/active-findings.ts';
import type { Finding } from '../../diagnosis/finding.ts';
import { changesOf, logsRequest } from './otlp-findings.ts';

const starved = madeUpFinding({
  rule: 'reader-starved',
  severity: 'warning',
  netns: 4026531840,
  device: 'tap0',
  queue: 0,
  cause: 'The reader of tap0 waits for a CPU.',
  evidence: ['waited for 8.1 s of 10 s', 'lost 17 packets'],
  remedies: [{ command: 'taskset -pc 3 4711', effect: 'Gives it a CPU.', lossless: true, restart: false, by: 'host' }],
});
const active = (...findings: readonly Finding[]): readonly TrackedFinding[] =>
  findings.map((finding) => ({ finding, since: 1, seen: 1, isActive: true }));

test('a finding is told when it begins, when its severity changes and when it ends', () => {
  const critical: Finding = { ...starved, severity: 'critical' };
  const other: Finding = { ...starved, queue: 1 };
  const told: (readonly string[])[] = [];
  let known: ReadonlyMap<string, Finding> = new Map();
  for (const now of [
    active(),
    active(starved),
    active({ ...starved, cause: 'It waits still.' }),
    active(critical, other),
    active(other),
    active(),
  ]) {
    const next = changesOf(known, now, 5);
    known = next.known;
    told.push(next.changes.map(({ state, finding }) => `${state} ${finding.queue} ${finding.severity}`));
  }
  assert.deepEqual(told, [
    [],
    ['begins 0 warning'],
    [],
    ['changes 0 critical', 'begins 1 warning'],
    ['ends 0 critical'],
    ['ends 1 warning'],
  ]);
});

test('a record has the answer as its body, and the rest as attributes', () => {
  const changes = [
    { finding: starved, state: 'begins', at: 1.5 },
    { finding: starved, state: 'ends', at: 2 },
  ] as const;
  const request = parseJson(
    logsRequest(changes, { version: '0.1.0', hostName: 'host1', hostId: 'abc', instanceId: 'i' }),
  );
  const resource = at(request, 'resourceLogs', 0, 'resource');
  assert.equal(attributesOf(resource)['host.id'], 'abc');
  const [begun, ended] = listAt(request, 'resourceLogs', 0, 'scopeLogs', 0, 'logRecords');
  assert.deepEqual(
    [
      at(begun, 'timeUnixNano'),
      at(begun, 'severityNumber'),
      at(begun, 'severityText'),
      at(begun, 'body', 'stringValue'),
    ],
    ['1500000000', 13, 'warning', 'The reader of tap0 waits for a CPU.'],
  );
  assert.deepEqual(attributesOf(begun), {
    state: 'begins',
    rule: 'reader-starved',
    severity: 'warning',
    netns: '4026531840',
    device: 'tap0',
    'network.interface.name': 'tap0',
    queue: '0',
    confidence: 'high',
    evidence: 'waited for 8.1 s of 10 s; lost 17 packets',
    command: 'taskset -pc 3 4711',
  });
  assert.deepEqual(
    [at(ended, 'severityNumber'), at(ended, 'body', 'stringValue')],
    [9, 'Ended: The reader of tap0 waits for a CPU.'],
  );
});

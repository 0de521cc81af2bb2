// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// Files for `bench --against`: read, or refused in one sentence, whatever they are.
import assert from 'node:assert/strict';
import { constantFrom, double, json, oneof, tuple } from 'fast-check';
import { anyText } from '../test/fuzz/hostile-text.ts';
import { holdsForAll, orSentence } from '../test/fuzz/property.ts';
import { savedReport } from './saved-report.ts';

const RUN = { seconds: 1, transmitted: 1, lost: 0, droppedBefore: 0, disagreements: [] };
const REPORT = {
  ...{ schema: 1, version: '1', kernel: '7.3', cpus: 1, seconds: 1, packetSize: 60, ring: 1, agentRuns: false },
  host: { cpuModel: 'CPU', mitigated: ['a'] },
  guests: { kernel: '6.1', kvm: true, vhost: false },
  results: [{ cell: { id: 'a' }, runs: [RUN] }],
};

/** A saved report of which one word is another. */
const damaged = tuple(
  constantFrom(...JSON.stringify(REPORT).matchAll(/"[^"]*"|\d+|true|false|\{|\[/g)),
  oneof(json(), anyText(), double().map(String)),
).map(([word, other]) => {
  const text = JSON.stringify(REPORT);
  return `${text.slice(0, word.index)}${other}${text.slice(word.index + word[0].length)}`;
});

holdsForAll('saved benches', oneof(damaged, json(), anyText(400)), (text) => {
  const { runs, host } = orSentence(() => savedReport(text, 'a.json')) ?? {};
  for (const run of [...(runs?.values() ?? [])].flat())
    assert.ok(Number.isFinite(run.seconds + run.transmitted + run.lost) && host !== undefined);
});

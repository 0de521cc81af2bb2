// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// The recording still has the metrics and labels of the catalogue; on that kernel it is compared with an agent.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { catalogue } from '../promql/query.ts';
import { NEEDS_LINUX_7_3 } from '../promql/requires-7.3.ts';
import { pagesOf, readRecording, recordingOf, shapeOf, timesOf } from './recording.ts';

/** --detail cpu, --budget=off, --otlp, mechanisms on demand; what that host has not: XDP, macvtaps, batches beside zero-copy, forwarding, pods; what comes and goes; and what is on no dashboard. */
const NOT_THERE =
  /^tapscope_(queue_cpu_|overhead_ratio$|queue_freed_|queue_redirect|vhost_(receive_batch_|worker_affinity_)|macvtap_|unrouted_|device_pod_info$|ended_|otlp_|log_lines_dropped_total$|finding$)/;

/** The agent, a device, a queue. */
const SUBJECTS = [[], ['netns', 'device'], ['netns', 'device', 'queue']];

test('the recording has every metric of the catalogue, with its labels (npx tsx lab/recorded/main.ts dashboards records anew)', () => {
  const shapes = new Set(shapeOf(readRecording()));
  for (const { name, type, labels } of catalogue.filter((metric) => !NOT_THERE.test(metric.name))) {
    const series = type === 'histogram' ? `${name}_bucket` : name;
    const own = type === 'histogram' ? [...labels, 'le'] : labels;
    const found = SUBJECTS.some((subject) => shapes.has(`${series}{${[...own, ...subject].sort().join(',')}}`));
    assert.ok(found, series);
  }
});

test('it has no metric that the catalogue has not, and all that needs Linux 7.3', () => {
  const known = new Set(catalogue.map(({ name }) => name));
  const recorded = new Set(shapeOf(readRecording()).map((shape) => shape.replace(/(_bucket|_sum|_count)?\{.*/, '')));
  assert.deepEqual(
    [...recorded].filter((name) => !known.has(name)),
    [],
  );
  assert.deepEqual(
    NEEDS_LINUX_7_3.filter((name) => !recorded.has(name)),
    [],
  );
});

test('pages that were recorded come back', () => {
  const first = '# HELP tapscope_a A.\ntapscope_a 1\ntapscope_b{comm="a b",le="+Inf"} 2\nnodejs_c 3\n';
  const recording = recordingOf([
    { seconds: 0, text: first },
    { seconds: 2.5, text: 'tapscope_d 7\ntapscope_a 5\n' },
  ]);
  assert.equal(
    recording,
    '# seconds 0.000 2.500\ntapscope_a 1 5\ntapscope_b{comm="a b",le="+Inf"} 2 _\ntapscope_d _ 7\n',
  );
  assert.deepEqual(pagesOf(recording), [
    'tapscope_a 1\ntapscope_b{comm="a b",le="+Inf"} 2\n',
    'tapscope_a 5\ntapscope_d 7\n',
  ]);
  assert.deepEqual(timesOf(recording), [0, 2.5]);
  assert.deepEqual(shapeOf(first), ['tapscope_a{}', 'tapscope_b{comm,le}']);
});

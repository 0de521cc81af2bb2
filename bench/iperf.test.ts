// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type StreamCell, wholeSeconds } from './bench-report.ts';
import { Missing } from './bench-setup.ts';
import { receivedBy } from './iperf.ts';

const sum = (name: string, seconds: number, bytes: number): string =>
  `\t\t"${name}":\t{\n\t\t\t"start":\t0,\n\t\t\t"end":\t${seconds},\n\t\t\t"seconds":\t${seconds},\n\t\t\t"bytes":\t${bytes},\n\t\t\t"sender":\ttrue\n\t\t},\n`;

const cell = (direction: StreamCell['direction'], sessions: number): StreamCell => ({
  ...{ kind: 'stream', id: 'stream', direction, size: null, sessions, queues: 1, cpus: 1 },
});

test('the bytes of all receivers, by their direction', () => {
  const two = `${sum('sum_sent', 2, 9999)}${sum('sum_received', 2, 1000)}${sum('sum_received', 1, 500)}`;
  assert.deepEqual(receivedBy(two, cell('host-to-guest', 2)), { bytesTo: 1500, bytesFrom: 0, bitsPerSecond: 8000 });
  assert.deepEqual(receivedBy(two, cell('guest-to-host', 2)), { bytesTo: 0, bytesFrom: 1500, bitsPerSecond: 8000 });
  const both = `${sum('sum_received', 1, 100)}${sum('sum_received_bidir_reverse', 1, 50)}`;
  assert.deepEqual(receivedBy(both, cell('both', 1)), { bytesTo: 100, bytesFrom: 50, bitsPerSecond: 1200 });
});

test('a stream that failed, or is not there, is no figure', () => {
  const refused = '{"error":\t"unable to connect to server: Connection refused"}';
  assert.throws(
    () => receivedBy(refused, cell('both', 1)),
    new Missing('iperf3 says: unable to connect to server: Connection refused'),
  );
  assert.throws(
    () => receivedBy(`${sum('sum_received', 1, 1)}iperf3: killed`, cell('guest-to-guest', 2)),
    new Missing('iperf3 reports 1 of 2 streams: iperf3: killed'),
  );
});

test('iperf3 takes whole seconds, and none is for ever', () => {
  assert.deepEqual([0.1, 1, 1.2, 30].map(wholeSeconds), [1, 1, 2, 30]);
});

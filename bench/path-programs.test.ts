// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// What iperf3 3.12 and ping of iputils 20221126 print of a path.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fairness, pathReport, pingTimes } from './path-programs.ts';

const stream = (bits: number): object => ({
  sender: { socket: 5, bytes: 9, bits_per_second: 2 * bits, retransmits: 3, sender: true },
  receiver: { socket: 5, start: 0, end: 8, bytes: 8, bits_per_second: bits, sender: true },
});
const REPORT = {
  start: { connected: [{ socket: 5 }] },
  end: {
    streams: [stream(3e6), stream(1e6)],
    sum_sent: { start: 0, end: 8, bytes: 9, bits_per_second: 8e6, retransmits: 6, sender: true },
    sum_received: { start: 0, end: 8.1, bytes: 8, bits_per_second: 4e6, sender: true },
  },
};

test('what all flows received, what was sent again, and how alike they were', () => {
  for (const text of [JSON.stringify(REPORT), JSON.stringify(REPORT, null, '\t')])
    assert.deepEqual(pathReport(text), { bitsPerSecond: 4e6, retransmissions: 6, fairness: 0.8 });
  assert.deepEqual([fairness([5, 5, 5, 5]), fairness([5, 0, 0, 0])], [1, 0.25]);
});

test('a client that failed is a reason, not a figure', () => {
  assert.throws(() => pathReport('{"error":"unable to connect to server: No route to host"}'), {
    message: 'iperf3 says: unable to connect to server: No route to host',
  });
  assert.throws(() => pathReport(''), { message: 'iperf3 says: nothing' });
});

test('each answer of a ping, and none of a lost one', () => {
  const text = `PING 198.18.2.2 (198.18.2.2) 56(84) bytes of data.
64 bytes from 198.18.2.2: icmp_seq=1 ttl=64 time=101 ms
64 bytes from 198.18.2.2: icmp_seq=3 ttl=64 time=204.5 ms

3 packets transmitted, 2 received, 33.3333% packet loss, time 410ms
rtt min/avg/max/mdev = 101.0/152.7/204.5/51.7 ms
`;
  assert.deepEqual(pingTimes(text), [101, 204.5]);
});

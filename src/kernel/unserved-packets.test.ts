// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
import assert from 'node:assert/strict';
import test from 'node:test';
import { parseUnserved } from './unserved-packets.ts';

test('connection requests that found no room, and pings without an answer', () => {
  const netstat = 'TcpExt: SyncookiesSent ListenOverflows ListenDrops\nTcpExt: 0 7 9\nIpExt: ListenDrops\nIpExt: 4\n';
  const snmp = 'Ip: InEchos\nIp: 90\nIcmp: InEchos OutEchoReps\nIcmp: 12 2\n';
  const snmp6 = 'Icmp6InEchos                    \t5\nIcmp6OutEchoReplies             \t4\n';
  assert.deepEqual(parseUnserved(netstat, snmp, snmp6), { ListenDrops: 9, UnansweredEchoes: 11 });
});

test('what is answered, and files that this kernel does not have', () => {
  assert.deepEqual(parseUnserved('', 'Icmp: InEchos OutEchoReps\nIcmp: 12 12\n', ''), {});
  assert.deepEqual(parseUnserved('', '', ''), {});
});

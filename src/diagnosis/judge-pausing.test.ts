// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// Programs that sleep while packets wait, by the kernel's function in which they do.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { quietHost } from '../../test/snapshots/quiet-host.ts';
import { judge } from './judge.ts';

const identity = { program: '', vm: '', uuid: '', runtime: '', container: '', pod: '', unit: '' };

function found(sleepsIn: string | undefined, program = '') {
  const thread = { tid: 2219, ranSeconds: 0, waitedSeconds: 0, reads: 1, isBound: false };
  const seen = { ...thread, ...(sleepsIn !== undefined && { sleepsIn }) };
  const owner = (second: number) => ({
    ...{ pid: 2211, comm: 'python3', startedAt: undefined, identity: { ...identity, program } },
    uses: { threads: [seen], parent: 1, readAt: 1000 + second },
  });
  const queue = {
    ...{ delivered: 500, lost: 500, occupancy: 1000, full: { sleeping: 1 } },
    more: (second: number) => ({ owner: owner(second) }),
  };
  const [finding] = judge(quietHost([{ queues: [queue] }])).findings;
  assert.equal(finding?.rule, 'reader-blocked');
  return { ...finding, told: finding.remedies.map(({ command, effect }) => command ?? effect).join('\n') };
}

test('a program that sleeps on a timer pauses on purpose', () => {
  const { cause, evidence, told } = found('hrtimer_nanosleep');
  assert.match(cause, /, slept for 100 % of the time.*, on purpose\.$/);
  assert.ok(evidence.includes('its thread sleeps in hrtimer_nanosleep (a timer: it pauses by itself)'));
  assert.match(told, /mend or restart the program/);
  assert.doesNotMatch(told, /nstat/, 'it is no VPN');
});

test('one that sleeps elsewhere waits for something else', () => {
  const { cause, evidence, told } = found('sock_alloc_send_pskb', 'openvpn');
  assert.match(cause, /, waiting for something else\.$/);
  assert.ok(evidence.includes('its thread sleeps in sock_alloc_send_pskb'));
  assert.doesNotMatch(told, /mend/);
  assert.match(told, /nstat/);
});

test('where it cannot be read, and where it waits for packets, nothing is said of it', () => {
  for (const name of [undefined, 'tun_do_read', 'tap_do_read'])
    assert.doesNotMatch(found(name).evidence.join(), /sleeps in/, name);
});

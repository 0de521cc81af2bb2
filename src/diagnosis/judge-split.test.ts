// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// Devices of several queues of whose packets the kernel counted some alone: the device is exact, and what its queues lack is told.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testHosts } from '../../test/snapshots/judged-hosts.ts';
import { quietHost, type TapPlan } from '../../test/snapshots/quiet-host.ts';
import { judge } from './judge.ts';
import { statusOf } from './status.ts';

/** A mark of its two queues, and so many packets in the window that no program saw. */
function lacking(enqueued: number, dropped = 0, perSecond = 1000): TapPlan {
  const split = 'the kernel counts 7 packets that our programs did not see, the last 3 s ago: single queues lack them';
  return {
    queues: [{ delivered: perSecond / 2 }, { delivered: perSecond / 2 }].map((plan) => ({
      ...plan,
      more: () => ({ degraded: [split] }),
    })),
    more: (second) => ({
      unseen: { enqueued: (enqueued * second) / 10, dropped: (dropped * second) / 10, split },
      counters: {
        txPackets: perSecond * second,
        txBytes: 0,
        txDropped: (dropped * second) / 10,
        rxPackets: 0,
        rxBytes: 0,
        rxDropped: 0,
      },
    }),
  };
}

testHosts([
  {
    host: 'has several queues, which lack a few packets that only the kernel counted',
    taps: [lacking(7)],
    finds: ['agent-blind info'],
    says: /^Figures of tap0 are exact, those of single queues but for 7 of 10 000 packets \(under 0\.1 %\) that only the kernel counted\.$/,
  },
  {
    host: 'has several queues, which lack so many packets that a verdict may be another',
    taps: [lacking(200)],
    finds: ['agent-blind info'],
    says: /^The figures of tap0 are not exact: the kernel counts /,
  },
  {
    host: 'has several queues, and so many drops that only the kernel counted that they would be a finding',
    taps: [lacking(7, 60)],
    finds: ['agent-blind info'],
    says: /^The figures of tap0 are not exact: the kernel counts /,
  },
]);

test('few packets that only the kernel counted leave the answer OK, with and without a question; many do not', () => {
  const answers = [lacking(7), lacking(0), lacking(200), lacking(7, 60)].map((tap) => {
    const window = quietHost([tap]);
    return [statusOf(judge(window)), statusOf(judge(window, window.devices[0]))];
  });
  const [ok, unknown] = [
    ['ok', 'ok'],
    ['unknown', 'unknown'],
  ];
  assert.deepEqual(answers, [ok, ok, unknown, unknown]);
});

test('a device that lost none of its few packets may lack some of them, and is OK', () => {
  const answers = [lacking(7, 0, 6), lacking(12, 0, 6), lacking(7, 1, 6)].map((tap) =>
    statusOf(judge(quietHost([tap]))),
  );
  assert.deepEqual(answers, ['ok', 'unknown', 'unknown']);
});

// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel.
// A bridge that snoops multicast: groups for the guest and from it that nobody has reported, and healthy twins.
import test from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { assertTold, bridged, CLEAN, often, streamTo } from '../../test/agent/asked-tap.ts';
import { datagram, ethernet } from '../../test/host/frames.ts';
import { noLab } from '../../test/host/netns.ts';

const SNOOPING = 'mcast_snooping 1 mcast_querier 1 mcast_query_response_interval 100';
/** The querier is heeded from then on: the interval is taken over only after the querier was made. */
const HEEDED_MS = 11_000;

test('snooping: a group that no port has reported', { skip: noLab }, async (t) => {
  const one = await bridged(t, SNOOPING);
  await streamTo(one, '239.1.2.3');
  await wait(HEEDED_MS);
  await assertTold(one, /^warning: bridge-table .*01:00:5e:01:02:03: br0 snoops multicast/);
  // The port reports it: nothing is withheld any more.
  await one.lab.exec('bridge', ...'mdb add dev br0 port tap0 grp 239.1.2.3 temp'.split(' '));
  await wait(1500);
  await assertTold(one, CLEAN);
});

test('snooping: a group that a program wrote to another port', { skip: noLab }, async (t) => {
  const one = await bridged(t, SNOOPING);
  await one.lab.exec('bridge', ...'mdb add dev br0 port tap1 grp 239.1.2.3 permanent'.split(' '));
  await streamTo(one, '239.1.2.3');
  await wait(HEEDED_MS);
  await assertTold(one, /^warning: bridge-table .*01:00:5e:01:02:03/);
});

test('snooping: a group that another port has reported, and a few frames to one that none has', {
  skip: noLab,
}, async (t) => {
  const one = await bridged(t, SNOOPING);
  await one.lab.exec('bridge', ...'mdb add dev br0 port tap1 grp 239.1.2.3 temp'.split(' '));
  await streamTo(one, '239.1.2.3');
  const sender = await one.lab.testReader();
  often(one, 1000, () => sender.udp('239.9.9.9', 9, 1, 64));
  await wait(HEEDED_MS);
  await assertTold(one, CLEAN);
});

test('snooping without a querier floods', { skip: noLab }, async (t) => {
  const one = await bridged(t, 'mcast_snooping 1');
  await streamTo(one, '239.1.2.3');
  await assertTold(one, CLEAN);
});

test('snooping: the guest sends to a group that nobody has reported, and looks for who is there', {
  skip: noLab,
}, async (t) => {
  const one = await bridged(t, SNOOPING);
  const sends = (mac: string, to: string): void => {
    const frame = ethernet(mac, datagram({ from: '10.90.0.2', to, port: 9 }));
    often(one, 100, () => one.reader.frame('a', 5, frame));
  };
  sends('01:00:5e:7f:ff:fa', '239.255.255.250');
  sends('01:00:5e:00:00:fb', '224.0.0.251');
  await wait(HEEDED_MS);
  await assertTold(one, /^ok: not-here/);
  sends('01:00:5e:01:02:03', '239.1.2.3');
  await assertTold(
    one,
    /^unknown: not-here .*frames from its guest are for 01:00:5e:01:02:03: br0 snoops multicast, nobody has reported/,
  );
  await one.lab.exec('bridge', ...'mdb add dev br0 port ve1 grp 239.1.2.3 temp'.split(' '));
  await wait(1500);
  await assertTold(one, /^ok: not-here/);
});

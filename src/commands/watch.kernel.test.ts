// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel, openssl, alone.
// The window of a command's own probes: it begins when they count, however long they took to be attached.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import test from 'node:test';
import { temporaryFolder } from '../../test/agent/certificates.ts';
import { namespaceLab, noLab } from '../../test/host/netns.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import { watchHost } from './watch.ts';

const BEFORE = 300;
const SENT = 1000;

test('what is sent once the window has begun is counted, to the last packet', { skip: noLab }, async (t) => {
  const lab = await namespaceLab(t);
  const testReader = await lab.testReader();
  await testReader.open('a', 'tap0', 'tap');
  const peer = await lab.raise('tap0', BEFORE + SENT);
  const sender = await lab.testReader();
  await sender.udp(peer, 9, BEFORE, 64);
  const kept: Snapshot[] = [];
  const offered = (snapshot: Snapshot | undefined): number => {
    const tap = snapshot?.devices.find(({ netns, name }) => netns === lab.inode && name === 'tap0');
    return tap?.queues[0]?.counters?.offered ?? assert.fail('nothing is counted');
  };
  let keptBefore = 0;
  const cut = new AbortController();
  await watchHost({
    seconds: 60,
    socket: join(temporaryFolder(t), 'none.sock'),
    mechanisms: [],
    signal: cut.signal,
    keep: (snapshot) => kept.push(snapshot),
    begun: async () => {
      keptBefore = kept.length;
      await sender.udp(peer, 9, SENT, 64);
      cut.abort();
    },
  });
  assert.ok(keptBefore > 0, 'the first snapshot comes before the window has begun');
  assert.equal(offered(kept.at(-1)) - offered(kept[0]), SENT);
});

// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel, nftables.
// Conntrack's table is full, and what begins a new connection is dropped: the answer names the table, and what is advised ends the loss.
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { accessSync, constants, readFileSync, writeFileSync } from 'node:fs';
import test, { type TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import { answerTo, type Scene, said, scene } from '../../test/agent/on-call.ts';
import { namespaceLab, noLab } from '../../test/host/netns.ts';
import type { TestReader } from '../../test/test-reader/test-reader.ts';

const run = promisify(execFile);
/** The limit for all namespaces together: each other namespace of this machine has fewer connections. */
const SMALL = 200;
const MAX = '/proc/sys/net/netfilter/nf_conntrack_max';

/** The first namespace alone may set it. */
function whyNoLimit(): string | false {
  spawnSync('modprobe', ['-q', 'nf_conntrack']); // where it is no part of the kernel
  try {
    accessSync(MAX, constants.W_OK);
    return false;
  } catch {
    return 'needs conntrack, and the first network namespace, which alone may limit its table';
  }
}

/** Fills the table, and begins ten connections a second for as long as the test runs: twice the room is enough for twenty seconds. */
async function full(t: TestContext, one: Scene, sender: TestReader): Promise<void> {
  const usual = readFileSync(MAX, 'utf8');
  t.after(() => writeFileSync(MAX, usual));
  writeFileSync(MAX, String(SMALL));
  const begins = (flows: number): Promise<unknown> =>
    sender.udp('10.77.0.2', 9, flows, 64, { flows }).catch(() => undefined); // send() says EPERM
  for (let begun = 0; begun < 1.5 * SMALL; begun += 20) await begins(20);
  let over = false;
  const sent = (async () => {
    while (!over) {
      await begins(2);
      await wait(200);
    }
  })();
  one.lab.after(async () => {
    over = true;
    await sent;
  });
}

async function assertFull(one: Scene): Promise<void> {
  const { answer, findings } = await answerTo(one);
  assert.deepEqual([answer, findings[0]?.rule], ['warning', 'host-firewall'], `${said(findings)}`);
  assert.match(findings[0]?.cause ?? '', /conntrack/);
  const command = findings[0]?.remedies[0]?.command ?? '';
  assert.match(command, /nf_conntrack_max/);
  await run('sh', ['-c', command]);
  await wait(300);
  const after = await answerTo(one);
  assert.equal(after.answer, 'ok', `${said(after.findings)}`);
}

/** A rule on its state loads conntrack into the namespace. */
async function tracked(t: TestContext): Promise<Scene> {
  const one = await scene(t, 1000);
  await one.reader.readLoop('a', 0);
  await one.lab.exec(
    'nft',
    'add table ip f; add chain ip f c { type filter hook input priority 0; }; add rule ip f c ct state new accept',
  );
  return one;
}

test('what the host itself sends', { skip: noLab || whyNoLimit() }, async (t) => {
  const one = await tracked(t);
  await full(t, one, await one.lab.testReader());
  await assertFull(one);
});

test('what the host forwards', { skip: noLab || whyNoLimit() }, async (t) => {
  const one = await tracked(t);
  const beyond = await namespaceLab(t);
  await one.lab.ipBatch([
    `link add ve1 type veth peer name ve0 netns ${beyond.name}`,
    'link set ve1 up',
    'addr add 10.99.0.1/24 dev ve1',
  ]);
  await one.lab.exec('sysctl', '-q', 'net.ipv4.ip_forward=1', 'net.ipv4.conf.all.rp_filter=0');
  await beyond.ipBatch(['link set ve0 up', 'addr add 10.99.0.2/24 dev ve0', 'route add default via 10.99.0.1']);
  await full(t, one, await beyond.testReader());
  await assertFull(one);
});

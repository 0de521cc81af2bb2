// SPDX-License-Identifier: Apache-2.0
// Needs: root on this machine's kernel, alone.
// The operator asks about a device that loses nothing and is slow: packets stand in a qdisc or in the ring.
import assert from 'node:assert/strict';
import test from 'node:test';
import { agentLab } from '../../test/agent/agent-lab.ts';
import { answerTo, bursts, type Scene, said, scene, type } from '../../test/agent/on-call.ts';
import { namespaceLab, noLab } from '../../test/host/netns.ts';

const SMALL = 64;
/** 39 small packets a second. */
const RATE = '20kbit';
const PER_SECOND = 40;
const LUMP = 150;

async function slow(t: Parameters<typeof scene>[0], ...qdiscs: readonly string[]): Promise<Scene> {
  const one = await scene(t, 1000);
  await one.reader.readLoop('a', 0);
  for (const line of qdiscs)
    await one.lab.tc(`${line.split(' ')[0]} add dev tap0 ${line.split(' ').slice(1).join(' ')}`);
  const sender = await one.lab.testReader();
  await sender.packet('tap0', LUMP, SMALL);
  await sender.stream('s', 'tap0', PER_SECOND, SMALL);
  return one;
}

/** Whether this kernel has the qdisc. */
async function has({ lab }: Scene, kind: string): Promise<boolean> {
  return lab.tc(`qdisc add dev tap0 root ${kind}`).then(
    async () => lab.tc('qdisc delete dev tap0 root').then(() => true),
    () => false,
  );
}

const SHAPED: readonly { readonly what: string; readonly qdiscs: readonly string[]; readonly says: RegExp }[] = [
  {
    what: 'a shaper with a long queue',
    qdiscs: [`qdisc root tbf rate ${RATE} burst 2kb latency 20s`],
    says: /stand in its qdisc tbf, which lets \d+ a second pass/,
  },
  {
    what: 'a class of htb',
    qdiscs: ['qdisc root handle 1: htb default 10', `class parent 1: classid 1:10 htb rate ${RATE} burst 2kb`],
    says: /in its qdisc htb \(class 1:10\)/,
  },
  {
    what: 'a leaf below a class of htb',
    qdiscs: [
      'qdisc root handle 1: htb default 10',
      `class parent 1: classid 1:10 htb rate ${RATE} burst 2kb`,
      'qdisc parent 1:10 handle 20: pfifo limit 500',
    ],
    says: /in its qdisc pfifo \(class 1:10\)/,
  },
  {
    what: 'a shaper below a class that has room',
    qdiscs: [
      'qdisc root handle 1: htb default 10',
      'class parent 1: classid 1:10 htb rate 1gbit',
      `qdisc parent 1:10 handle 20: tbf rate ${RATE} burst 2kb latency 20s`,
    ],
    says: /in its qdisc tbf/,
  },
];

for (const { what, qdiscs, says } of SHAPED)
  test(`${what}: what is advised shows it, and what ends it does`, { skip: noLab }, async (t) => {
    const one = await slow(t, ...qdiscs);
    const { answer, findings } = await answerTo(one);
    assert.deepEqual([answer, findings[0]?.rule], ['critical', 'qdisc-delay'], `${said(findings)}`);
    assert.match(findings[0]?.cause ?? '', says);
    assert.match(await type(one, findings[0]?.remedies[0]?.command), /backlog [1-9]/);
    await type(one, findings[0]?.remedies.at(-1)?.command);
    const after = await answerTo(one, 'tap0', 4);
    assert.equal(after.answer, 'ok', `${said(after.findings)}`);
  });

test('a shaper on one queue of three', { skip: noLab }, async (t) => {
  const lab = await namespaceLab(t);
  const reader = await lab.testReader();
  for (const id of ['a', 'b', 'c']) await reader.open(id, 'tap0', 'tap', 'mq');
  await lab.raise('tap0', 1000);
  await reader.steer('a', true);
  for (const id of ['a', 'b', 'c']) await reader.readLoop(id, 0);
  await lab.tc('qdisc replace dev tap0 root handle 1: mq');
  await lab.tc(`qdisc add dev tap0 parent 1:2 tbf rate ${RATE} burst 2kb latency 20s`);
  const sender = await lab.testReader();
  await sender.packet('tap0', LUMP, SMALL, { queue: 1 });
  await sender.stream('s', 'tap0', PER_SECOND, SMALL, { queue: 1 });
  await sender.stream('others', 'tap0', 2000, SMALL, { queue: 2 });
  const { answer, findings } = await answerTo({ lab, reader, agent: await agentLab(t) });
  assert.deepEqual([answer, findings[0]?.rule], ['critical', 'qdisc-delay'], `${said(findings)}`);
  assert.match(findings[0]?.cause ?? '', /in its qdisc tbf \(queue 1\)/);
});

test('netem delays on purpose', { skip: noLab }, async (t) => {
  const one = await scene(t, 1000);
  if (!(await has(one, 'netem'))) return t.skip('this kernel has no netem');
  await one.reader.readLoop('a', 0);
  await one.lab.tc('qdisc replace dev tap0 root netem delay 300ms');
  await (await one.lab.testReader()).stream('s', 'tap0', PER_SECOND, SMALL);
  const { answer, findings } = await answerTo(one);
  assert.deepEqual([answer, findings[0]?.rule], ['warning', 'qdisc-delay'], `${said(findings)}`);
});

test('a ring of 10 000 that its reader does not drain', { skip: noLab }, async (t) => {
  const one = await scene(t, 10_000);
  const sender = await one.lab.testReader();
  await sender.packet('tap0', 400, SMALL);
  await one.reader.readLoop('a', 30);
  await sender.stream('s', 'tap0', 30, SMALL);
  const { answer, findings } = await answerTo(one);
  assert.deepEqual([answer, findings[0]?.rule], ['critical', 'bufferbloat'], `${said(findings)}`);
});

test('a shaper, and a reader that takes nothing: the reader', { skip: noLab }, async (t) => {
  const one = await scene(t, 20);
  await one.lab.tc('qdisc replace dev tap0 root tbf rate 400kbit burst 2kb latency 20s');
  const sender = await one.lab.testReader();
  await sender.packet('tap0', LUMP, SMALL);
  await sender.stream('s', 'tap0', 200, SMALL);
  const { answer, findings } = await answerTo(one);
  assert.deepEqual([answer, findings[0]?.rule], ['critical', 'reader-stalled'], `${said(findings)}`);
});

const HEALTHY: readonly { readonly what: string; readonly kind: string; readonly qdiscs: readonly string[] }[] = [
  {
    what: 'htb with plenty of rate',
    kind: 'htb',
    qdiscs: ['qdisc root handle 1: htb default 10', 'class parent 1: classid 1:10 htb rate 100mbit'],
  },
  { what: 'tbf that bursts fit in', kind: 'tbf', qdiscs: ['qdisc root tbf rate 10mbit burst 64kb latency 500ms'] },
  {
    what: 'tbf that drains each burst at once',
    kind: 'tbf',
    qdiscs: ['qdisc root tbf rate 2mbit burst 2kb latency 2s'],
  },
  { what: 'fq_codel', kind: 'fq_codel', qdiscs: ['qdisc root fq_codel'] },
  { what: 'pfifo', kind: 'pfifo', qdiscs: ['qdisc root pfifo'] },
];

for (const { what, kind, qdiscs } of HEALTHY)
  test(`${what} is healthy`, { skip: noLab }, async (t) => {
    const one = await scene(t, 1000);
    if (kind === 'fq_codel' && !(await has(one, kind))) return t.skip(`this kernel has no ${kind}`);
    await one.reader.readLoop('a', 0);
    for (const line of qdiscs)
      await one.lab.tc(`${line.split(' ')[0]} add dev tap0 ${line.split(' ').slice(1).join(' ')}`);
    const stop = await bursts(one, 100);
    const { answer, findings } = await answerTo(one);
    await stop();
    assert.equal(answer, 'ok', `${said(findings)}`);
    assert.ok(
      findings.every(({ rule }) => rule !== 'qdisc-delay'),
      `${said(findings)}`,
    );
  });

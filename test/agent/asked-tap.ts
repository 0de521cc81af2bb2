// SPDX-License-Identifier: Apache-2.0
// A tap that a person asks about, on a bridge or apart: what others send to it, and what the answer is.
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { bridgeToVeth } from '../host/bridge.ts';
import { type NamespaceLab, namespaceLab } from '../host/netns.ts';
import { routeToVeth } from '../host/routed-veth.ts';
import { answerTo, type Scene, scene } from './on-call.ts';

export const GUEST = '02:00:00:00:00:01';
export const SECONDS = 4;

/** Repeats for as long as the test runs. */
export function often({ lab }: Pick<Scene, 'lab'>, milliseconds: number, action: () => Promise<unknown>): void {
  let over = false;
  const ended = (async () => {
    while (!over) {
      await action().catch(() => {}); // where the way is closed, send() says so
      await wait(milliseconds);
    }
  })();
  lab.after(async () => {
    over = true;
    await ended;
  });
}

/** Rules and severities of what the operator who asks is told. */
async function told(one: Scene, device = 'tap0', seconds = SECONDS): Promise<string> {
  const { answer, findings } = await answerTo(one, device, seconds);
  const words = findings.map(({ rule, cause, doubts = [] }) => [`${rule} (${cause})`, ...doubts].join(', doubted: '));
  return `${answer}: ${words.join('; ')}`;
}

/** Who is told that too little was seen asks again: a busy host may run neither the sender nor the guest for seconds. */
export async function assertTold(one: Scene, expected: RegExp, device?: string, seconds?: number): Promise<void> {
  let answer = await told(one, device, seconds);
  for (let again = 0; again < 2 && answer.startsWith('unknown') && !expected.test(answer); again += 1)
    answer = await told(one, device, seconds);
  assert.match(answer, expected);
}

export const CLEAN = /^(ok|unknown): not-here/;

/** Frames come in by ve0; tap0 and tap1 are ports too, each read. */
export async function bridged(t: TestContext, options = 'mcast_snooping 0'): Promise<Scene> {
  const one = await scene(t, 1000);
  const { lab, reader } = one;
  await reader.open('b', 'tap1', 'tap');
  for (const queue of ['a', 'b']) await reader.readLoop(queue, 0);
  await bridgeToVeth(lab, ['tap0', 'tap1'], `${options} forward_delay 0`);
  await lab.ipBatch([
    'addr add 10.90.0.1/24 dev ve0',
    `neigh replace 10.90.0.2 lladdr ${GUEST} dev ve0 nud permanent`,
    'route add 239.0.0.0/8 dev ve0',
  ]);
  await lab.forwards('tap0');
  return one;
}

export async function streamTo(one: Pick<Scene, 'lab'>, address: string, perRound = 10): Promise<void> {
  const sender = await one.lab.testReader();
  often(one, 100, () => sender.udp(address, 9, perRound, 64));
}

export function fdb({ lab }: Pick<Scene, 'lab'>, words: string): Promise<string> {
  return lab.exec('bridge', ...`fdb replace ${words}`.split(' '));
}

/** tap0's guest has the address: the bridge learned it there. */
export async function learned({ lab, reader, agent }: Scene): Promise<void> {
  await fdb({ lab }, `${GUEST} dev tap0 master dynamic`);
  await agent.snapshot(); // noted without a question
  await agent.snapshot();
  await reader.write('a', 1, 64);
}

/** What comes in by ve1 is redirected to tap0. */
export async function redirected(t: TestContext): Promise<Scene> {
  const one = await scene(t, 1000);
  const { lab, reader } = one;
  await reader.open('b', 'tap1', 'tap', 'persist');
  for (const queue of ['a', 'b']) await reader.readLoop(queue, 0);
  await lab.ipBatch([
    'link set tap1 up',
    'link add ve0 type veth peer name ve1',
    'link set ve0 up',
    'link set ve1 up',
    'addr add 10.90.0.1/24 dev ve0',
    `neigh replace 10.90.0.2 lladdr ${GUEST} dev ve0 nud permanent`,
  ]);
  return one;
}

/** A tap that the host routes to `up0`, a veth whose other end is `far0` in another namespace, where port 9 is open. */
export async function routed(t: TestContext): Promise<Scene & { readonly far: NamespaceLab }> {
  const one = await scene(t, 1000);
  const far = await namespaceLab(t);
  const { lab, reader } = one;
  await reader.readLoop('a', 0);
  await routeToVeth(lab, far);
  await lab.ip(`neigh replace 10.71.0.2 lladdr ${GUEST} dev tap0 nud permanent`);
  await (await far.testReader()).bind(9, 8_000_000);
  return { ...one, far };
}

// SPDX-License-Identifier: Apache-2.0
// The person on call: watches a tap of a lab as the agent does, is told what is wrong with it, and types what is advised.
import assert from 'node:assert/strict';
import { setTimeout as wait } from 'node:timers/promises';
import type { Finding } from '../../src/diagnosis/finding.ts';
import { judge } from '../../src/diagnosis/judge.ts';
import { type Status, statusOf } from '../../src/diagnosis/status.ts';
import { type Window, windowOf } from '../../src/diagnosis/window.ts';
import type { Snapshot } from '../../src/snapshot/snapshot.ts';
import { type NamespaceLab, namespaceLab } from '../host/netns.ts';
import { SENDER_CPU } from '../host/reader-shares.ts';
import type { TestReader } from '../test-reader/test-reader.ts';
import { type AttachedLab, agentLab } from './agent-lab.ts';

const SECONDS = 5;

export interface Scene {
  readonly lab: NamespaceLab;
  readonly agent: AttachedLab;
  readonly reader: TestReader;
}

/** Watches as the agent does: a snapshot a second, and samples of the readers between them. `isAsked`: a command asks with each, for on a busy machine four seconds last fifteen. */
export async function watch(
  { agent }: Pick<Scene, 'agent'>,
  seconds = SECONDS,
  isAsked: 'asked' | undefined = undefined,
): Promise<Window> {
  const take = (): Promise<Snapshot> => {
    if (isAsked) agent.ask();
    return agent.snapshot();
  };
  const snapshots: Snapshot[] = [await take()];
  const began = performance.now();
  while (snapshots.length <= seconds) {
    await wait(25 + 50 * Math.random());
    agent.sampleReaders();
    if (performance.now() - began >= 1000 * snapshots.length) snapshots.push(await take());
  }
  return windowOf(snapshots);
}

export async function scene(
  t: Parameters<typeof namespaceLab>[0] & Parameters<typeof agentLab>[0],
  ring: number,
): Promise<Scene> {
  const lab = await namespaceLab(t);
  const reader = await lab.testReader();
  await reader.open('a', 'tap0', 'tap');
  await lab.raise('tap0', ring);
  return { lab, reader, agent: await agentLab(t) };
}

export async function findingsOf(scene: Scene, seconds?: number): Promise<readonly Finding[]> {
  const { findings } = judge(await watch(scene, seconds));
  return findings.filter(({ netns }) => netns === scene.lab.inode);
}

interface Answer {
  readonly answer: Status;
  readonly findings: readonly Finding[];
}

const ATTEMPTS = 8;
/** Of what was read too late (src/diagnosis/evidence/when-read.ts). */
const LATE = /: ask again\b(?! without)|the time was up/;

/** What `tapscope diagnose tap0` answers. A busy machine reads late what surrounds the device, and says so: who is told that asks again. */
export async function answerTo(scene: Scene, device?: string, seconds?: number): Promise<Answer> {
  let answer = await answerOnce(scene, device, seconds);
  const isLate = (): boolean => answer.findings.some(({ doubts = [] }) => doubts.some((doubt) => LATE.test(doubt)));
  for (let asked = 1; asked < ATTEMPTS && isLate(); asked++) answer = await answerOnce(scene, device, seconds);
  return answer;
}

async function answerOnce(scene: Scene, device = 'tap0', seconds?: number): Promise<Answer> {
  scene.agent.ask();
  await scene.agent.snapshot();
  const window = await watch(scene, seconds, 'asked');
  const asked = window.devices.find(({ now }) => now.netns === scene.lab.inode && now.name === device);
  const verdict = judge(window, asked);
  const findings = verdict.findings.filter((one) => one.netns === scene.lab.inode && one.device === device);
  // Rules that cannot judge for want of a mechanism do not count: this machine's kernel lacks some.
  return { answer: statusOf({ findings, unjudged: [] }), findings };
}

export const said = (findings: readonly Finding[]): readonly string[] =>
  findings.map(({ rule, cause }) => `${rule}: ${cause}`);

/** Types the command in the shell of the person on call, in the device's namespace. */
export function type({ lab }: Scene, command: string | undefined): Promise<string> {
  const inside = /^ip netns exec (\S+) (.*)$/.exec(command ?? '');
  assert.equal(inside?.[1], lab.name, `${command}`);
  return lab.exec('sh', '-c', inside?.[2] ?? '');
}

/** Bursts of packets, from the CPU that no test occupies; at 500 ms each is taken before the next comes. */
export async function bursts({ lab }: Scene, size: number, everyMs = 500): Promise<() => Promise<void>> {
  const sender = await lab.testReader();
  await lab.exec('taskset', '-a', '-p', '-c', SENDER_CPU, String(sender.pid));
  let over = false;
  const sent = (async () => {
    while (!over) {
      await sender.packet('tap0', size, 64);
      await wait(everyMs);
    }
  })();
  return async () => {
    over = true;
    await sent;
  };
}

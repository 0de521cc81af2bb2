// SPDX-License-Identifier: Apache-2.0
// One of the faults that look alike, played on a tap of this machine and watched as the agent does.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { Finding } from '../../src/diagnosis/finding.ts';
import { judge } from '../../src/diagnosis/judge.ts';
import { windowOf } from '../../src/diagnosis/window.ts';
import type { Snapshot } from '../../src/snapshot/snapshot.ts';
import type { AttachedLab } from '../../test/agent/agent-lab.ts';
import { busyLoops } from '../../test/host/busy-cpus.ts';
import { limitedCgroup } from '../../test/host/cgroup.ts';
import { inside, type NamespaceLab, namespaceLab } from '../../test/host/netns.ts';
import { type Scope, scoped } from '../../test/host/scope.ts';
import type { Fixture } from '../../test/snapshots/fixture.ts';
import { type LookAlike, rightOf } from './faults.ts';

const PLAYER = join(import.meta.dirname, '../../dist/lab/player');
const READER_CPU = '1';
const SECONDS = 8;
/** `load`: busy loops beside it; `sampleMs`: the mean distance of samples of its reader. */
export function play(agent: AttachedLab, fault: LookAlike, load: number, sampleMs: number): Promise<Fixture> {
  return scoped(async (t) => {
    const lab = await namespaceLab(t);
    const reader = await player(t, lab, 'read', 'tap0', ...fault.reader.split(' '));
    await lab.raise('tap0', fault.ring);
    if (fault.quota !== undefined) limitedCgroup(lab, reader, 'cpu', fault.quota);
    if (fault.hog) {
      await lab.exec('taskset', '-a', '-p', '-c', READER_CPU, String(reader));
      busyLoops(t, fault.hogs ?? 1, 'taskset', '-c', READER_CPU, ...fault.hog);
    }
    await player(t, lab, 'send', 'tap0', ...fault.sends.map(String));
    busyLoops(t, load);
    await wait(2000);
    const snapshots = (await watched(agent, sampleMs)).map((one) => only(one, lab.inode));
    const faults = [{ device: 'tap0', rule: rightOf(fault, load).join(' or '), also: [] }];
    return { scenario: `${fault.name} ${load}`, kernel: '', netns: lab.inode, asked: 'tap0', faults, snapshots };
  });
}

async function watched(agent: AttachedLab, sampleMs: number): Promise<readonly Snapshot[]> {
  const snapshots: Snapshot[] = [await agent.snapshot()];
  const began = performance.now();
  while (snapshots.length <= SECONDS) {
    await wait(sampleMs * (0.5 + Math.random()));
    agent.sampleReaders();
    if (performance.now() - began >= 1000 * snapshots.length) snapshots.push(await agent.snapshot());
  }
  return snapshots;
}

function only(snapshot: Snapshot, netns: number): Snapshot {
  return { ...snapshot, devices: snapshot.devices.filter((device) => device.netns === netns) };
}

/** The pid of a player that is ready; it ends with the scope. */
async function player(t: Scope, { name }: NamespaceLab, ...words: readonly string[]): Promise<number> {
  const child = spawn('nsenter', [...inside(name), PLAYER, ...words], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise((resolve) => child.on('close', resolve));
  t.after(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  await new Promise((resolve) => child.stdout.once('data', resolve));
  return child.pid ?? 0;
}

/** What `tapscope diagnose` answers first, and whether that is right. */
export function judged({ snapshots, faults, netns, asked }: Fixture): {
  readonly first: Finding | undefined;
  readonly isRight: boolean;
} {
  const window = windowOf(snapshots);
  const device = window.devices.find(({ now }) => now.netns === netns && now.name === asked);
  const first = judge(window, device).findings.find((one) => one.netns === netns && one.device === asked);
  return { first, isRight: first !== undefined && (faults[0]?.rule.split(' or ') ?? []).includes(first.rule) };
}

/** As a person reads it. */
export function told(finding: Finding | undefined): string {
  if (!finding) return 'nothing';
  const { rule, cause, evidence, remedies } = finding;
  return [rule, cause, ...evidence, ...remedies.flatMap(({ command }) => command ?? [])].join('\n         ');
}

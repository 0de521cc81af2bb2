// SPDX-License-Identifier: Apache-2.0
// Needs: VMs.
// The worst minute: `tapscope diagnose` of a VM that gets no CPU says so in its first line, and what it says to type ends the loss.
import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { tapscope } from '../../test/agent/serve-process.ts';
import { limitedCgroup } from '../../test/host/cgroup.ts';
import { isSince } from '../../test/host/release.ts';
import { run } from '../../test/host/run.ts';
import { type Stage, stageOf, type Variant } from './setup.ts';

const skip = !isSince(6, 4) && 'before Linux 6.4 a worker is not throttled with its guest';

const VARIANT: Variant = { kernel: '', reader: 'vhost', ring: 100, rate: 1500 };
const ROWS = 24;
const COLUMNS = 80;

interface Case {
  readonly name: string;
  readonly starve: (stage: Stage) => Promise<unknown>;
  /** Matches the command that is advised first. */
  readonly command: RegExp;
}

const cases: readonly Case[] = [
  {
    name: 'another program has its worker’s CPU',
    starve: ({ hog }) => hog('chrt', '-f', '50'),
    command: /(?<=^(?:Do|Or): +)taskset .*$/m,
  },
  {
    name: 'its CPU time is used up',
    starve: async ({ lab, reader }) => limitedCgroup(lab, reader.pid, 'cpu'),
    command: /(?<=^(?:Do|Or): +)echo max \| dd .*$/m,
  },
];

for (const { name, starve, command } of cases) {
  test(`a guest behind vhost-net: ${name}`, { skip }, async (t) => {
    const stage = await flowing(t);
    assert.equal(await lostIn(stage, 2000), 0);
    await starve(stage);
    await wait(1000);
    const { stdout, code } = await tapscope(['diagnose', 'tap0', '--netns', stage.lab.name, '--for', '10s']);
    t.diagnostic(stdout);
    assert.match(stdout, /^CRITICAL: tap0.* lost [\d ]+ of [\d ]+ packets: its reader, /);
    assert.match(stdout, /^reader-starved, /m);
    assert.equal(code, 2);
    assertFits(stdout);
    // The command runs as the host's operator types it: `ip netns exec` has a /sys of its own, without cgroups.
    await run('sh', ['-c', command.exec(stdout)?.[0] ?? assert.fail('nothing is there to be pasted')]);
    await wait(1000); // what waits in the ring is taken
    assert.equal(await lostIn(stage, 4000), 0);
  });
}

/** A guest that takes what it is sent, its worker on the other CPU than the sender. */
async function flowing(t: TestContext): Promise<Stage> {
  const stage = await stageOf(t, VARIANT);
  await stage.serve();
  await stage.pin();
  await stage.send('tap0');
  await wait(500);
  return stage;
}

async function lostIn({ lab }: Stage, milliseconds: number): Promise<number> {
  const before = await lab.link('tap0');
  await wait(milliseconds);
  const now = await lab.link('tap0');
  assert.ok(now.txPackets > before.txPackets, 'nothing arrived');
  return now.txDropped - before.txDropped;
}

/** Commands are typed as they are, however long. */
function assertFits(text: string): void {
  const [finding = ''] = text.split('\n\n');
  const lines = finding.split('\n');
  const rows = lines.reduce((sum, line) => sum + Math.max(1, Math.ceil(line.length / COLUMNS)), 0);
  assert.ok(rows <= ROWS, `${rows} rows:\n${finding}`);
}

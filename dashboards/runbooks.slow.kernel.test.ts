// SPDX-License-Identifier: Apache-2.0
// What the runbooks say to type is typed: on a host with the fault, in the order of the page, by a plain shell.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import test from 'node:test';
import { promisify } from 'node:util';
import { noLab } from '../lab/netns.ts';
import { runbooks } from './runbook.ts';
import { SICK, sickHost } from './scenario.ts';

const run = promisify(execFile);

interface Case {
  readonly device: string;
  /** What the page promises to show, block by block. */
  readonly shows: readonly RegExp[];
}

const cases: Readonly<Record<string, Case>> = {
  TapscopeRingFullLoss: {
    device: SICK.slow,
    shows: [/reason="FULL_RING"\} [1-9]/, /\bpuppet\b/, /qlen 4096/],
  },
  TapscopeRingStalled: {
    device: SICK.stalled,
    shows: [/ring_occupancy_packets\S+ 200\n(.*\n)+.*ring_occupancy_packets\S+ 200/, /\bpuppet\b/, /^$/],
  },
  TapscopeNoReader: {
    device: SICK.orphan,
    shows: [/NO-CARRIER(.*\n)+no process has tap-orphan open\n(.*\n)*.*state="attached"\} 0/, /^$/],
  },
  TapscopeLossBeforeTun: {
    device: SICK.shaped,
    shows: [/reason="QDISC_DROP",location="\w+"\} [1-9]/, /qdisc tbf .*\n.*dropped [1-9]/, /^(?!.*tbf)qdisc /s],
  },
  TapscopeFiguresDegraded: {
    device: SICK.bypassed,
    shows: [/queue_degraded\S+ 1/, /probe_missed_total(.*\n)+.*raw-tracepoint/, /TX: +bytes/],
  },
  TapscopeAgentBlind: {
    device: '',
    shows: [/probe_attached\{event="returned",mechanism="none"\} 0/, /An agent runs/],
  },
  TapscopeScrapeStale: {
    device: '',
    shows: [/LISTEN(.*\n)+.*tapscope_snapshot_age_seconds/, /An agent runs/],
  },
};

test('runbooks', { skip: noLab, timeout: 300_000 }, async (t) => {
  const host = await sickHost(t);
  const folder = await mkdtemp(join(tmpdir(), 'tapscope-runbooks-'));
  t.after(() => rm(folder, { recursive: true }));
  const command = `#!/bin/sh\nexec '${process.execPath}' '${resolve('dist/src/main.js')}' "$@"\n`;
  await writeFile(join(folder, 'tapscope'), command, { mode: 0o755 });
  await host.run(5);
  const environment = {
    PATH: `${folder}:${process.env.PATH}:/usr/sbin:/sbin`,
    instance: new URL(host.agent.url).host,
    netns: String(host.lab.inode),
    queue: '0',
  };
  assert.deepEqual(
    runbooks()
      .map(({ name }) => name)
      .sort(),
    Object.keys(cases).sort(),
  );
  for (const { name, blocks } of runbooks()) {
    await t.test(name, async () => {
      const { device = '', shows = [] } = cases[name] ?? {};
      assert.equal(blocks.length, shows.length);
      // One shell for the whole page, as for a person; each block must succeed to its last line.
      const mark = '--- end of block ---';
      const script = blocks.map((block) => `${block}\necho '${mark}'\n`).join('');
      const { stdout } = await run('sh', ['-eu', '-c', script], { env: { ...environment, device } });
      const outputs = stdout.split(`${mark}\n`);
      for (const [index, wanted] of shows.entries()) assert.match(outputs[index] ?? '', wanted, blocks[index]);
    });
  }
  await assert.rejects(host.lab.ip(`link show dev ${SICK.orphan}`), 'the device without a reader is deleted');
});

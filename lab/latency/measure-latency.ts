// SPDX-License-Identifier: Apache-2.0
// Runs lab/latency/latency-guest.ts on a kernel of the lab, on the instruction clock, or on this machine's own.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { release, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { env } from 'node:process';
import { buildFor, type GuestProgram, guestProgram, runGuest } from '../vm/guest-program.ts';
import { COMING, type Measured, measuredOf, type Stream, streamsOf } from './latency-results.ts';

const lab = join(import.meta.dirname, '..');
const shim = join(lab, '../dist/lab/bpf-times.so');

const TIMEOUT_MS = 1_800_000;

/** cycles: so often an agent comes and goes under a steady stream; 0: only what loading takes. */
export async function measureOn(series: string, cycles: number, say: (line: string) => void): Promise<Measured> {
  // One VM runs both commands. The first one loads in a process of its own: the second has no preloaded library.
  const { kernel, output } = await run(series, say, ({ command }) =>
    [
      `LD_PRELOAD='${shim}' ${shell(command(['load']))}`,
      ...(cycles > 0 ? [shell(command(['all', String(cycles)]))] : []),
    ].join(' && '),
  );
  return measuredOf(basename(kernel.directory), cycles, output);
}

/** Measures only the stream while the agent comes and goes. */
export async function comeAndGoOn(series: string, cycles: number, say: (line: string) => void): Promise<Stream> {
  const { output } = await run(series, say, ({ command }) => `exec ${shell(command(['go', String(cycles)]))}`);
  return streamsOf(output).get(COMING) ?? assert.fail('The VM has not told of its stream.');
}

function run(series: string, say: (line: string) => void, script: (guest: GuestProgram) => string) {
  return runGuest(series, 'lab/latency/latency-guest.ts', [], {
    say,
    command: (guest) => ['sh', '-c', script(guest)],
    instructionClock: true,
    timeoutMs: TIMEOUT_MS,
    environment: { BPF_TIMES: '/root/bpf-times', MODULES: 'tun vhost_net tap' },
    onLine: (line) => say(`Linux ${series}: ${line}`),
  });
}

function shell(words: readonly string[]): string {
  return words.map((word) => `'${word}'`).join(' ');
}

/** Measures only loading, in real time. The quickest of several starts counts: it has the least of this machine's other work. */
export async function loadHere(starts: number): Promise<Measured> {
  buildFor('amd64');
  const { command } = await guestProgram('latency-here', ['lab/latency/latency-guest.ts']);
  const [program = '', ...words] = command(['load']);
  const folder = mkdtempSync(join(tmpdir(), 'tapscope-latency-'));
  try {
    const measured = Array.from({ length: starts }, (_, start) => {
      const environment = { ...env, LD_PRELOAD: shim, BPF_TIMES: join(folder, String(start)) };
      const output = execFileSync(program, words, { env: environment, encoding: 'utf8' });
      return measuredOf(release(), 0, output);
    });
    const [quickest] = measured.sort((a, b) => a.load.verifierMs - b.load.verifierMs);
    if (!quickest) throw new Error('Nothing was loaded on this kernel.');
    return quickest;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

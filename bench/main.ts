// SPDX-License-Identifier: Apache-2.0
// What src/commands/bench.ts loads. `tapscope bench`: the tables of the kernel's series about tun, tap and vhost-net, measured on this host with devices of its own.
import { cpus, release } from 'node:os';
import type { BenchPackage } from '../src/commands/bench.ts';
import { version } from '../src/commands/version.ts';
import { agentPid } from '../src/kernel/agent-lock.ts';
import { readSlowdowns, tunDriver } from '../src/kernel/host.ts';
import { readBenchFlags } from './bench-options.ts';
import { type BenchReport, disagreements } from './bench-report.ts';
import { RING } from './bench-setup.ts';
import { demo } from './demo.ts';
import { onInterruption } from './interruption.ts';
import { type Bench, runBench } from './run.ts';
import { PACKET_SIZE } from './send-cell.ts';
import { renderBench } from './tables/bench-text.ts';
import { renderDocument } from './tables/document-table.ts';
import { PINNED_TO } from './tap.ts';

export const commands: BenchPackage = { bench, demo };

/** Exit code 0: all numbers agree; 1: they do not, nothing could be measured, or something is not as it was before. */
async function bench(values: Readonly<Record<string, unknown>>): Promise<number> {
  const flags = readBenchFlags(values);
  const { cells, seconds, repeats, guests } = flags;
  if (process.getuid?.() !== 0) throw new Error('tapscope bench makes taps and loads BPF programs: run it as root.');
  if (tunDriver() === undefined) throw new Error('The tun driver is not loaded: modprobe tun.');
  const interruption = onInterruption();
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  say(
    `Makes taps in a network namespace of its own, loads this host's CPUs for about ${minutes(cells.length * repeats * (seconds + 1))}, and leaves nothing behind; Ctrl-C ends it.`,
  );
  const agentRuns = agentPid() !== undefined;
  let done: Bench;
  try {
    done = await runBench({ cells, seconds, repeats, guests, interrupted: interruption.signal, say });
  } catch (error) {
    if (!interruption.signal.aborted) throw error;
    say('Interrupted: there are no figures.');
    return interruption.code();
  }
  const { results, restored, tunPaths } = done;
  const report: BenchReport = {
    schema: 1,
    version: version(),
    kernel: release(),
    cpus: cpus().length,
    seconds,
    repeats,
    packetSize: PACKET_SIZE,
    ring: RING,
    pinnedTo: PINNED_TO,
    agentRuns,
    guests: done.guests,
    results,
  };
  const host = { cpuModel: cpus()[0]?.model ?? 'unknown CPU', ...readSlowdowns(), tunPaths };
  process.stdout.write(
    flags.table && flags.format === 'text'
      ? renderDocument(flags.table, report, host)
      : renderBench(report, flags.format),
  );
  if (interruption.signal.aborted) {
    say('Interrupted: shown is what was measured until then.');
    return interruption.code();
  }
  const measured = results.some(({ runs }) => runs.length > 0);
  return measured && restored && disagreements(report).length === 0 ? 0 : 1;
}

function minutes(total: number): string {
  return total < 120 ? `${Math.ceil(total)} s` : `${Math.ceil(total / 60)} minutes`;
}

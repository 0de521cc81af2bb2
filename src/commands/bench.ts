// SPDX-License-Identifier: Apache-2.0
// `tapscope bench`: the tables of the kernel's series about tun, tap and vhost-net, measured on this host with devices of its own.
import { cpus, release } from 'node:os';
import { RING } from '../bench/bench-setup.ts';
import { type Bench, runBench } from '../bench/run.ts';
import { PACKET_SIZE } from '../bench/send-cell.ts';
import { PINNED_TO } from '../bench/tap.ts';
import { type BenchReport, disagreements } from '../bench-report.ts';
import { agentPid } from '../kernel/agent-lock.ts';
import { readSlowdowns, tunDriver } from '../kernel/host.ts';
import { renderBench } from '../outputs/bench-text.ts';
import { renderDocument } from '../outputs/documents/document-table.ts';
import type { BenchFlags } from './options/bench-options.ts';
import { onInterruption } from './terminal/interruption.ts';
import { version } from './version.ts';

/** Exit code 0: all numbers agree; 1: they do not, nothing could be measured, or something is not as it was before. */
export async function bench(flags: BenchFlags): Promise<number> {
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

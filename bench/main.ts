// SPDX-License-Identifier: Apache-2.0
// What src/commands/bench.ts loads. `tapscope bench`: the tables of the kernel's series about tun, tap and vhost-net, measured on this host with devices of its own.
import { cpus, release } from 'node:os';
import type { BenchPackage } from '../src/commands/bench.ts';
import { NewFile } from '../src/commands/new-file.ts';
import { version } from '../src/commands/version.ts';
import { agentPid } from '../src/kernel/agent-lock.ts';
import { readSlowdowns, tunDriver } from '../src/kernel/host.ts';
import { differences } from './against.ts';
import { type Against, readBaseline } from './baseline.ts';
import { type BenchFlags, readBenchFlags } from './bench-options.ts';
import { type BenchReport, type Cell, disagreements, REPORT_SCHEMA } from './bench-report.ts';
import { RING } from './bench-setup.ts';
import { demo } from './demo.ts';
import { onInterruption } from './interruption.ts';
import { type Bench, runBench } from './run.ts';
import { compareFiles, requireAddable, withKept } from './saved-files.ts';
import { type SavedReport, savedReport } from './saved-report.ts';
import { PACKET_SIZE } from './send-cell.ts';
import { renderAgainst, renderBench, reportJson } from './tables/bench-text.ts';
import { renderDocument } from './tables/document-table.ts';
import { PINNED_TO } from './tap.ts';

export const commands: BenchPackage = { bench, demo };

/** Exit code 0: all numbers agree; 1: they do not, nothing could be measured, or something is not as it was before. */
async function bench(values: Readonly<Record<string, unknown>>): Promise<number> {
  const flags = readBenchFlags(values);
  const { cells, seconds } = flags;
  if (flags.against !== undefined && flags.figures !== undefined)
    return compareFiles(flags, flags.against, flags.figures);
  if (process.getuid?.() !== 0) throw new Error('tapscope bench makes taps and loads BPF programs: run it as root.');
  if (tunDriver() === undefined) throw new Error('The tun driver is not loaded: modprobe tun.');
  const conditions = { cpuModel: cpuModel(), cpus: cpus().length, seconds, packetSize: PACKET_SIZE, ring: RING };
  const before = flags.against === undefined ? undefined : await readBaseline(flags.against, cells, conditions);
  if (flags.save !== undefined)
    await requireAddable(flags.save, { ...conditions, version: version(), kernel: release() });
  const kept = flags.save === undefined ? undefined : await NewFile.claim(flags.save, 'A saved bench');
  try {
    return await measure(flags, before, kept);
  } finally {
    await kept?.handle.close();
    await kept?.abandon();
  }
}

async function measure(flags: BenchFlags, before: SavedReport | undefined, kept: NewFile | undefined): Promise<number> {
  const { cells, seconds, repeats, guests, format, table, save, against: file } = flags;
  const interruption = onInterruption();
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  say(
    `Makes taps in a network namespace of its own, loads this host's CPUs for about ${minutes(cells.length * repeats * (seconds + 1))}, and leaves nothing behind; Ctrl-C ends it.`,
  );
  const agentRuns = agentPid() !== undefined;
  const unkept = [...(kept ? [`${save} was not written`] : []), ...(before ? ['nothing was compared'] : [])];
  const without = unkept.length === 0 ? '' : ` ${sentence(unkept.join(', and '))}.`;
  let done: Bench;
  try {
    done = await runBench({
      profiles: table === 'profile',
      cells,
      seconds,
      repeats,
      guests,
      interrupted: interruption.signal,
      say,
    });
  } catch (error) {
    if (!interruption.signal.aborted) throw error;
    say(`Interrupted: there are no figures.${without}`);
    return interruption.code();
  }
  const report = reportOf(flags, done, agentRuns);
  const interrupted = interruption.signal.aborted;
  const against = before && file !== undefined && !interrupted ? comparison(file, before, cells, report) : undefined;
  process.stdout.write(
    table && format === 'text' ? renderDocument(table, report) : renderBench(report, format, against),
  );
  if (against && format !== 'json') process.stdout.write(`\n${renderAgainst(against, format)}`);
  if (interrupted) {
    say(`Interrupted: shown is what was measured until then.${without}`);
    return interruption.code();
  }
  const measured = report.results.some(({ runs }) => runs.length > 0);
  if (measured && save !== undefined)
    await kept?.keep(withKept(save, reportJson(report)).then((text) => kept.handle.writeFile(text)));
  else if (kept) say(`${save} was not written, for there are no figures.`);
  return measured && done.restored && disagreements(report).length === 0 ? 0 : 1;
}

function reportOf({ seconds, repeats }: BenchFlags, done: Bench, agentRuns: boolean): BenchReport {
  return {
    schema: REPORT_SCHEMA,
    version: version(),
    kernel: release(),
    cpus: cpus().length,
    seconds,
    repeats,
    packetSize: PACKET_SIZE,
    ring: RING,
    pinnedTo: PINNED_TO,
    agentRuns,
    host: { cpuModel: cpuModel(), ...readSlowdowns(), tunPaths: done.tunPaths },
    guests: done.guests,
    results: done.results,
  };
}

/** Of this run and the earlier one, which are read alike. */
function comparison(file: string, before: SavedReport, cells: readonly Cell[], report: BenchReport): Against {
  const after = savedReport(reportJson(report), 'this run');
  return { file, before, after, figures: differences(cells, before, after) };
}

function cpuModel(): string {
  return cpus()[0]?.model ?? 'unknown CPU';
}

function sentence(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}`;
}

function minutes(total: number): string {
  return total < 120 ? `${Math.ceil(total)} s` : `${Math.ceil(total / 60)} minutes`;
}

// SPDX-License-Identifier: Apache-2.0
// All repeats of all cells, interleaved: what changes on the host meanwhile changes every cell alike. All that was changed is
// as it was when this ends, also by an interruption.
import type {
  Cell,
  CellResult,
  MessageCell,
  Run,
  SendCell,
  StreamCell,
  StreamGuests,
  TunPath,
} from './bench-report.ts';
import { type BenchSetup, type Eyes, Missing, missingIf, openEyes } from './bench-setup.ts';
import { type GuestOptions, Guests, peerOf } from './guests.ts';
import { runMessageCell } from './message-cell.ts';
import { runPairCell } from './pair-cell.ts';
import { runPathCell } from './path-cell.ts';
import { generatorThreads } from './pktgen.ts';
import { runSendCell } from './send-cell.ts';
import { runStreamCell } from './stream-cell.ts';
import { startTraffic, type Traffic } from './traffic/traffic.ts';
import { setZeroCopyParameter, unload, vhostModules, zeroCopyParameter } from './vhost-module.ts';

interface BenchOptions {
  readonly cells: readonly Cell[];
  readonly seconds: number;
  readonly repeats: number;
  /** Send cells are sampled. */
  readonly profiles: boolean;
  /** What stream cells start. */
  readonly guests: GuestOptions;
  readonly interrupted: AbortSignal;
  /** Hears what is done next. */
  readonly say: (line: string) => void;
}

export interface Bench {
  readonly results: readonly CellResult[];
  /** The paths through this kernel's tun; empty unless a cell asks for them. */
  readonly tunPaths: readonly TunPath[];
  readonly guests: StreamGuests | undefined;
  /** All that was changed is as it was before; else `say` was told what to type. */
  readonly restored: boolean;
}

export async function runBench(options: BenchOptions): Promise<Bench> {
  const before = { parameter: zeroCopyParameter(), modules: vhostModules() };
  const others = generatorThreads();
  const traffic = await startTraffic();
  const rounds = new Rounds(traffic, options, new Map([...generatorThreads()].filter(([tid]) => !others.has(tid))));
  // All that is waited for ends with it.
  options.interrupted.addEventListener('abort', () => void traffic.end());
  let restored = false;
  try {
    for (let repeat = 0; repeat < options.repeats; repeat++) await rounds.repeat(repeat);
  } catch (error) {
    // What was measured until an interruption is shown; the other cells say why they have nothing.
    if (!options.interrupted.aborted || rounds.results().every(({ runs }) => runs.length === 0)) throw error;
  } finally {
    await rounds.end();
    await traffic.end();
    restored = await restore(before, options.say);
  }
  return { results: rounds.results(), tunPaths: rounds.tunPaths, guests: rounds.guests.about(), restored };
}

interface ModuleState {
  readonly parameter: number | undefined;
  readonly modules: readonly string[];
}

async function restore({ parameter, modules }: ModuleState, say: (line: string) => void): Promise<boolean> {
  if (parameter === undefined) await unload(vhostModules().filter((name) => !modules.includes(name)));
  else await setZeroCopyParameter(parameter).catch(() => undefined);
  const now = zeroCopyParameter() ?? 0; // which is what a load without it means
  if (now === (parameter ?? 0)) return true;
  say(
    `vhost_net's parameter experimental_zcopytx is ${now} and was ${parameter ?? 'not set'}, for the module came into use: once nothing uses it, type: rmmod vhost_net; modprobe vhost_net experimental_zcopytx=${parameter ?? 0}`,
  );
  return false;
}

class Rounds {
  readonly #traffic: Traffic;
  readonly #options: BenchOptions;
  readonly #generators: ReadonlyMap<number, string>;
  readonly #runs = new Map<Cell, Run[]>();
  readonly #missing = new Map<Cell, string>();
  readonly guests: Guests;
  #eyes: Eyes | undefined;
  #tunPaths: readonly TunPath[] = [];

  constructor(traffic: Traffic, options: BenchOptions, generators: ReadonlyMap<number, string>) {
    this.#traffic = traffic;
    this.#options = options;
    this.#generators = generators;
    this.guests = new Guests(traffic, options.guests, options.say);
  }

  async repeat(repeat: number): Promise<void> {
    const { cells, repeats, interrupted, say } = this.#options;
    for (const cell of ordered(cells, repeat)) {
      interrupted.throwIfAborted();
      if (this.#missing.has(cell)) continue;
      say(`repeat ${repeat + 1} of ${repeats}: ${cell.id}`);
      try {
        const [began, start] = [Math.round(Date.now() / 1000), performance.now()];
        const run = { began, ...(await this.#run(cell)), tookSeconds: (performance.now() - start) / 1000 };
        this.#runs.set(cell, [...(this.#runs.get(cell) ?? []), run]);
      } catch (error) {
        if (!(error instanceof Missing)) throw error;
        this.#missing.set(cell, error.message);
      }
    }
  }

  results(): readonly CellResult[] {
    return this.#options.cells.map((cell) => {
      const runs = this.#runs.get(cell) ?? [];
      const ended = this.#options.interrupted.aborted && runs.length === 0 ? 'interrupted' : null;
      return { cell, missing: this.#missing.get(cell) ?? ended, runs };
    });
  }

  get tunPaths(): readonly TunPath[] {
    return this.#tunPaths;
  }

  async end(): Promise<void> {
    await this.guests.end();
    this.#closeEyes();
  }

  #closeEyes(): void {
    this.#eyes?.close();
    this.#eyes = undefined;
  }

  async #run(cell: Cell): Promise<Run> {
    const { seconds } = this.#options;
    if (cell.kind === 'stream') return runStreamCell(await this.#setup(false), this.guests, cell, seconds);
    // Their taps have the names of those that the other cells make.
    await this.guests.end();
    if (cell.kind === 'path') return runPathCell(await this.#setup(false), cell, seconds);
    if (cell.kind === 'send') return runSendCell(await this.#setup(false), cell, seconds);
    await this.#setZeroCopy(cell.kind === 'message' && cell.zeroCopy);
    if (cell.kind === 'message') return runMessageCell(await this.#setup(false), cell, seconds);
    return runPairCell(await this.#setup(true), cell, seconds);
  }

  async #setup(allocation: boolean): Promise<BenchSetup> {
    if (this.#eyes?.allocation !== allocation) this.#closeEyes();
    this.#eyes ??= await openEyes(this.#traffic.netns, allocation);
    if (allocation) this.#tunPaths = this.#eyes.tunPaths();
    const { look, refresh } = this.#eyes;
    const [traffic, generators] = [this.#traffic, this.#generators];
    const { interrupted, profiles } = this.#options;
    return { traffic, generators, look, refresh, interrupted, profiles };
  }

  /** The agent's own probes would keep the module. */
  async #setZeroCopy(wanted: boolean): Promise<void> {
    const now = zeroCopyParameter();
    if (now !== undefined && (now !== 0) === wanted) return;
    this.#closeEyes();
    await setZeroCopyParameter(Number(wanted)).catch(missingIf('MODULE'));
  }
}

function guestsOf({ direction, queues, cpus }: StreamCell): string {
  return `${peerOf(direction)} ${queues} ${cpus}`;
}

/** Each load of the module is used for all messages, and every second repeat begins with what the one before ended with. */
function ordered(cells: readonly Cell[], repeat: number): readonly Cell[] {
  const sends = cells.filter((cell): cell is SendCell => cell.kind === 'send');
  const messages = cells.filter((cell): cell is MessageCell => cell.kind === 'message');
  const pairs = cells.filter(({ kind }) => kind === 'pair');
  const streams = cells.filter((cell): cell is StreamCell => cell.kind === 'stream');
  const first = repeat % 2 === 1;
  return [
    ...sends,
    ...messages.filter(({ zeroCopy }) => zeroCopy === first),
    ...messages.filter(({ zeroCopy }) => zeroCopy !== first),
    ...pairs,
    ...cells.filter(({ kind }) => kind === 'path'),
    // Each start of the guests is used for all cells with these guests.
    ...streams.toSorted((one, other) => guestsOf(one).localeCompare(guestsOf(other))),
  ];
}

// SPDX-License-Identifier: Apache-2.0
// What our programs cost the host: runs × (their own time + the hook's), from BPF run statistics that are on for a moment only.
import { setTimeout as wait } from 'node:timers/promises';
import { layoutOf } from '../kernel/layout.ts';
import { type BpfObject, withRunStatistics } from '../kernel/native.ts';
import type { LoadedPrograms } from './programs.ts';

/** Long enough to see a steady load, short enough that the statistics' own price (about 20 ns a run) does not count. */
const MOMENT_MS = 100;
/** In a moment that lasted longer, this machine or its CPUs stood still: programs seem to have run for that time too. */
const LONGEST_MOMENT_MS = 10 * MOMENT_MS;
/** Instructions that a hook takes beside the program, which the statistics do not time; BENCHMARKS.md has them measured. */
const HOOK_INSTRUCTIONS: Readonly<Record<string, number>> = { fentry: 110, fexit: 145, raw_tp: 118, tp_btf: 118 };
/** Instructions of one round of the calibrating loop: 17 on Linux 7.3, 15 on 6.1, on the instruction clock. */
const ROUND_INSTRUCTIONS = 16;

/** CPUs spent in each program and its hook: 0.5 is half the time of one CPU. */
type KernelPrice = ReadonlyMap<string, number>;

export class OverheadMeter {
  readonly #programs: LoadedPrograms;
  readonly #nsPerInstruction: number;

  constructor(programs: LoadedPrograms) {
    this.#programs = programs;
    this.#nsPerInstruction = calibrate(programs.object);
  }

  /** Watches the programs, which must be attached, for a moment; undefined: it was no measurement. */
  async measure(programs: readonly string[]): Promise<KernelPrice | undefined> {
    const read = () => programs.map((name) => this.#programs.objectOf(name).programInfo(name));
    const started = performance.now();
    const [before, after] = await withRunStatistics(async () => {
      const first = read();
      await wait(MOMENT_MS);
      return [first, read()];
    });
    const elapsedMs = performance.now() - started;
    if (elapsedMs > LONGEST_MOMENT_MS) return undefined;
    const elapsedNs = elapsedMs * 1e6;
    return new Map(
      programs.map((name, i) => {
        const runs = Number((after?.[i]?.runCount ?? 0n) - (before?.[i]?.runCount ?? 0n));
        const ownNs = Number((after?.[i]?.runTimeNs ?? 0n) - (before?.[i]?.runTimeNs ?? 0n));
        return [name, (ownNs + runs * this.#hookNs(name)) / elapsedNs];
      }),
    );
  }

  #hookNs(name: string): number {
    const section = this.#programs.object.programs.find((program) => program.name === name)?.section ?? '';
    // A hook that was not measured counts as the most expensive one: none is free.
    return this.#nsPerInstruction * (hookInstructions(section) ?? Math.max(...Object.values(HOOK_INSTRUCTIONS)));
  }
}

/** Instructions of the hook of a program's section; undefined: not measured. */
export function hookInstructions(section: string): number | undefined {
  return HOOK_INSTRUCTIONS[/^\??(\w+)\//.exec(section)?.[1] ?? ''];
}

/** The best of some tries: an interrupt makes a loop look slow, nothing makes it look fast. */
function calibrate(object: BpfObject): number {
  const { at, size } = layoutOf(object.btf(), 'calibration', ['nanoseconds', 'rounds']);
  const tries = Array.from({ length: 5 }, () => {
    const result = new DataView(new ArrayBuffer(size));
    object.testRun('calibrate', new Uint8Array(result.buffer));
    const rounds = Number(result.getBigUint64(at.rounds, true));
    return Number(result.getBigUint64(at.nanoseconds, true)) / rounds / ROUND_INSTRUCTIONS;
  });
  return Math.min(...tries);
}

// SPDX-License-Identifier: Apache-2.0
// What `tapscope bench --save` wrote, as `--against` reads it. The file may be anything; what is wrong with it is one sentence.
import { readOperatorFile } from '../src/operator-file.ts';
import { visible } from '../src/snapshot/visible.ts';
import type { BenchHost, BenchReport, PathRun, Run, StreamGuests, StreamRun } from './bench-report.ts';
import { REPORT_SCHEMA } from './bench-report.ts';

/** A repeat: what figures are made of. */
export type SavedRun = Pick<
  Run,
  'began' | 'seconds' | 'transmitted' | 'lost' | 'droppedBefore' | 'workerSeconds' | 'disagreements'
> & {
  readonly stream?: Pick<StreamRun, 'bitsPerSecond' | 'hostCpu'>;
  readonly path?: Pick<PathRun, 'bitsPerSecond' | 'pingMs'>;
};

/** Repeats that can be held against those of another. */
export interface SavedReport
  extends Pick<BenchReport, 'version' | 'kernel' | 'cpus' | 'seconds' | 'packetSize' | 'ring' | 'agentRuns'> {
  readonly host: Pick<BenchHost, 'cpuModel' | 'srso' | 'mitigated' | 'hardenedUsercopy' | 'defaultQdisc'>;
  readonly guests: Pick<StreamGuests, 'kernel' | 'kvm' | 'vhost'> | undefined;
  /** By the id of their cell; none of cells that could not be measured. */
  readonly runs: ReadonlyMap<string, readonly SavedRun[]>;
}

/** Rejects with one sentence that begins with the file's name. */
export async function readSavedReport(file: string): Promise<SavedReport> {
  const text = await readOperatorFile(file).catch((cause: unknown) => {
    throw new Error(`${file} cannot be read: ${cause instanceof Error ? cause.message : cause}.`, { cause });
  });
  return savedReport(text, file);
}

/** `name`: whose text it is, for the sentence. */
export function savedReport(text: string, name: string): SavedReport {
  const report = new Part(jsonOf(text, name), name, '');
  if (report.at('schema').value === undefined || report.at('results').value === undefined)
    throw new Error(`${name} ${NOT_SAVED}.`);
  const { schema } = report.record();
  if (schema !== REPORT_SCHEMA)
    throw new Error(
      `${name} has the schema ${visible(String(schema)).slice(0, LONGEST_WORD)}, and this tapscope reads ${REPORT_SCHEMA}: measure it again.`,
    );
  if (report.at('host').value === undefined)
    throw new Error(
      `${name} is of an older tapscope, which did not write what its host was: measure it again with --save.`,
    );
  return {
    version: report.at('version').text(),
    kernel: report.at('kernel').text(),
    cpus: report.at('cpus').number(),
    seconds: report.at('seconds').number(),
    packetSize: report.at('packetSize').number(),
    ring: report.at('ring').number(),
    agentRuns: report.at('agentRuns').truth(),
    host: hostOf(report.at('host')),
    guests: report.at('guests').optional(guestsOf),
    runs: new Map(
      report
        .at('results')
        .list()
        .map((result) => [result.at('cell').at('id').text(), result.at('runs').list().map(runOf)]),
    ),
  };
}

function hostOf(host: Part): SavedReport['host'] {
  return {
    cpuModel: host.at('cpuModel').text(),
    srso: host.at('srso').optional((part) => part.text()),
    mitigated: host.at('mitigated').texts(),
    hardenedUsercopy: host.at('hardenedUsercopy').optional((part) => part.truth()),
    defaultQdisc: host.at('defaultQdisc').optional((part) => part.text()),
  };
}

function guestsOf(guests: Part): SavedReport['guests'] {
  return { kernel: guests.at('kernel').text(), kvm: guests.at('kvm').truth(), vhost: guests.at('vhost').truth() };
}

function runOf(run: Part): SavedRun {
  const path = run.at('path').optional((part) => ({
    bitsPerSecond: part.at('bitsPerSecond').number(),
    pingMs: part.at('pingMs').optional((ms) => ms.number()),
  }));
  const stream = run.at('stream').optional((part) => ({
    bitsPerSecond: part.at('bitsPerSecond').number(),
    hostCpu: part.at('hostCpu').number(),
  }));
  const began = run.at('began').optional((part) => part.number());
  return {
    ...(began !== undefined && { began }),
    seconds: run.at('seconds').number(),
    transmitted: run.at('transmitted').number(),
    lost: run.at('lost').number(),
    droppedBefore: run.at('droppedBefore').number(),
    workerSeconds: run.at('workerSeconds').optional((part) => part.number()),
    disagreements: run.at('disagreements').texts(),
    ...(stream && { stream }),
    ...(path && { path }),
  };
}

function jsonOf(text: string, name: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const reason = text.trimStart().startsWith('{') ? 'is cut off or damaged: copy or measure it again' : NOT_SAVED;
    throw new Error(`${name} ${reason}.`, { cause });
  }
}

const NOT_SAVED = 'is not a file of tapscope bench --save';
/** Characters of a word of the file that goes into a table. */
const LONGEST_WORD = 200;

/** A value of the file, which knows its place. */
class Part {
  readonly value: unknown;
  readonly #name: string;
  readonly #path: string;

  constructor(value: unknown, name: string, path: string) {
    this.value = value;
    this.#name = name;
    this.#path = path;
  }

  record(): Readonly<Record<string, unknown>> {
    return typeof this.value === 'object' && this.value !== null ? { ...this.value } : {};
  }

  at(key: string): Part {
    return new Part(this.record()[key], this.#name, this.#path === '' ? key : `${this.#path}.${key}`);
  }

  list(): readonly Part[] {
    if (!Array.isArray(this.value)) return this.#refuse('a list');
    return this.value.map((one, index) => new Part(one, this.#name, `${this.#path}[${index}]`));
  }

  text(): string {
    if (typeof this.value !== 'string') return this.#refuse('a text');
    return visible(this.value.slice(0, LONGEST_WORD));
  }

  texts(): readonly string[] {
    return this.list().map((part) => part.text());
  }

  number(): number {
    if (typeof this.value !== 'number' || !Number.isFinite(this.value) || this.value < 0)
      return this.#refuse('a number');
    return this.value;
  }

  truth(): boolean {
    return typeof this.value === 'boolean' ? this.value : this.#refuse('true or false');
  }

  /** JSON has null where a number was none. */
  optional<Value>(read: (part: Part) => Value): Value | undefined {
    return this.value === undefined || this.value === null ? undefined : read(this);
  }

  #refuse(wanted: string): never {
    throw new Error(`${this.#name} is damaged: ${this.#path} is not ${wanted}.`);
  }
}

// SPDX-License-Identifier: Apache-2.0
// A recording: gzip of lines of JSON, first what it is, then snapshots, then how many. Without its end it is not taken for whole.
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import { errnoOf } from '../kernel/error-name.ts';
import { openOperatorFile } from '../operator-file.ts';
import { isDeeperThan } from '../snapshot/nesting.ts';
import { DEEPEST } from '../snapshot/recorded.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import { visible } from '../snapshot/visible.ts';
import { NewFile, saidOf } from './new-file.ts';
import { linesOf, RecordingDownsampler, ROOM } from './recording-downsampler.ts';

export const SCHEMA = 1;
/** The most characters of a kernel's or a version's name. */
const LONGEST_WORD = 100;
/** Of the file: a day of a host with many devices has less. */
const MOST_BYTES = 1024 * 2 ** 20;
const END = /^\{"snapshots":\d{1,15}\}$/;

export interface RecordingHeader {
  readonly format: 'tapscope recording';
  readonly schema: number;
  readonly version: string;
  readonly kernel: string;
  readonly node: string;
  readonly cpus: number;
  /** Unix time, seconds. */
  readonly recordedAt: number;
  /** Names of VMs, pods, … are as they were; false: pseudonyms. */
  readonly addresses: boolean;
  readonly flags: readonly string[];
  readonly sysctls: Readonly<Record<string, string>>;
}

export interface Recording {
  readonly header: RecordingHeader;
  readonly snapshots: readonly Snapshot[];
  /** Snapshots of the file that are not among them, for there is no room for all. */
  readonly unread: number;
}

/** Whole, or not at all. Only its owner may read it. */
export class RecordingWriter {
  readonly #file: NewFile;
  readonly #gzip = createGzip();
  readonly #written: Promise<void>;
  #snapshots = 0;

  private constructor(file: NewFile) {
    this.#file = file;
    this.#written = pipeline(this.#gzip, file.handle.createWriteStream());
    this.#written.catch(() => undefined); // told at the end
  }

  static async create(file: string, header: RecordingHeader): Promise<RecordingWriter> {
    const writer = new RecordingWriter(await NewFile.claim(file, 'A recording'));
    writer.#gzip.write(`${JSON.stringify(header)}\n`);
    return writer;
  }

  add(line: string): void {
    this.#gzip.write(`${line}\n`);
    this.#snapshots += 1;
  }

  /** How many snapshots there are. */
  async finish(): Promise<number> {
    this.#gzip.end(`${JSON.stringify({ snapshots: this.#snapshots })}\n`);
    await this.#file.keep(this.#written);
    return this.#snapshots;
  }

  /** Leaves nothing behind; after finish() it does nothing. */
  async abandon(): Promise<void> {
    this.#gzip.destroy();
    await this.#file.abandon();
  }
}

/** Throws one sentence if it is cut off, of another program or of a later schema. */
export async function readRecording(file: string, room = ROOM): Promise<Recording> {
  let header: RecordingHeader | undefined;
  const kept = new RecordingDownsampler(room.all);
  let promised: number | undefined;
  try {
    const take = async (lines: AsyncIterable<string>): Promise<void> => {
      for await (const line of lines) {
        if (!header) header = headerOf(line);
        else if (promised !== undefined) throw new Error('It has data after its end.');
        else if (END.test(line)) promised = JSON.parse(line).snapshots;
        else kept.add(line);
      }
    };
    // Where a line is refused, pipeline() tells what that did to the streams.
    let refused: unknown;
    const split = (chunks: AsyncIterable<Buffer>): AsyncIterable<string> => linesOf(chunks, room.line);
    const read = pipeline(
      (await openOperatorFile(file, MOST_BYTES)).createReadStream(),
      createGunzip(),
      split,
      (lines: AsyncIterable<string>) =>
        take(lines).catch((cause: unknown) => {
          refused = cause;
          throw cause;
        }),
    );
    await read.catch((cause: unknown) => {
      throw refused ?? cause;
    });
    if (!header) throw new Unusable('is not a recording of tapscope: it is empty');
    if (promised !== kept.seen)
      throw new Unusable(`is cut off after ${kept.seen} snapshots; copy it again, or record anew`);
    const snapshots = kept.finish();
    return { header, snapshots, unread: kept.seen - snapshots.length };
  } catch (cause) {
    throw new Error(reasonOf(file, header, kept.seen, cause), { cause });
  }
}

/** The fault of a file, as it goes on after its name. */
class Unusable extends Error {}

function headerOf(line: string): RecordingHeader {
  if (isDeeperThan(line, DEEPEST)) throw new Error('It has no header.');
  const header: RecordingHeader = JSON.parse(line);
  const { format, schema, version, kernel } = header ?? {};
  if (format !== 'tapscope recording' || !isWord(kernel) || !isWord(version) || !Number.isInteger(schema))
    throw new Error('It has no header.');
  if (header.schema !== SCHEMA)
    throw new Unusable(
      visible(
        `was made by tapscope ${header.version}, whose recordings (schema ${header.schema}) this one does not know (schema ${SCHEMA}); report with that version`,
      ),
    );
  return header;
}

function isWord(text: unknown): boolean {
  return typeof text === 'string' && text.length <= LONGEST_WORD;
}

function reasonOf(file: string, header: RecordingHeader | undefined, snapshots: number, cause: unknown): string {
  if (cause instanceof Unusable) return `${file} ${cause.message}.`;
  if (cause instanceof Error && cause.message.startsWith('it is ')) return `${file} cannot be read: ${cause.message}.`;
  const code = errnoOf(cause) ?? '';
  if (/^E[A-Z]+$/.test(code)) return `${file} cannot be read (${saidOf(cause)}).`;
  return header || code === 'Z_BUF_ERROR'
    ? `${file} is cut off or damaged after ${snapshots} snapshots; copy it again, or record anew.`
    : `${file} is not a recording of tapscope.`;
}

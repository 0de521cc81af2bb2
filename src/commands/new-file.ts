// SPDX-License-Identifier: Apache-2.0
// A file that operators have written: whole, or not at all. It is written beside its place and renamed.
// biome-ignore lint/style/noRestrictedImports: the writer's.
import { type FileHandle, open, realpath, rename, rm, stat } from 'node:fs/promises';

export class NewFile {
  /** What goes into it; who has ended with it closes it. */
  readonly handle: FileHandle;
  readonly #file: string;
  readonly #place: string;
  readonly #beside: string;

  private constructor(file: string, place: string, beside: string, handle: FileHandle) {
    this.#file = file;
    this.#place = place;
    this.#beside = beside;
    this.handle = handle;
  }

  /** `what` it is, as a sentence begins. Rejects where it could not be written: one learns that before the work. */
  static async claim(file: string, what: string): Promise<NewFile> {
    if (file === '-') throw new Error(`${what} does not go to standard output; name a file.`);
    const there = await stat(file).catch(() => undefined);
    if (there?.isDirectory()) throw new Error(`${file} is a folder; name a file in it.`);
    // Renamed upon a device or a pipe, it would be in its place for all others too.
    if (there?.isFile() === false) throw new Error(`${file} is a device, pipe or socket; name a file.`);
    const place = there ? await realpath(file) : file;
    const beside = `${place}.${process.pid}.new`;
    const handle = await open(beside, 'wx', 0o600).catch((cause: unknown) => refuse(file, cause));
    return new NewFile(file, place, beside, handle);
  }

  /** Once all is `written`, it takes its place. */
  async keep(written: Promise<void>): Promise<void> {
    try {
      await written;
      await rename(this.#beside, this.#place);
    } catch (cause) {
      refuse(this.#file, cause);
    }
  }

  /** Leaves nothing behind; after keep() it does nothing. */
  async abandon(): Promise<void> {
    await rm(this.#beside, { force: true });
  }
}

function refuse(file: string, cause: unknown): never {
  throw new Error(`${file} cannot be written (${saidOf(cause)}).`, { cause });
}

/** 'ENOENT: no such file or directory', without the call that said so. */
export function saidOf(cause: unknown): string {
  return cause instanceof Error ? (cause.message.split(',')[0] ?? '') : String(cause);
}

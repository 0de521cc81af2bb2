// SPDX-License-Identifier: Apache-2.0
// The one door for files that operators name. What is there may be anything: a pipe without a writer, a device that never ends, a file of 4 GiB, a
// file system that does not answer. Nothing waits for it. Errors are the reason alone, for the sentence of the one who asks.
import { closeSync, constants, fstatSync, openSync, readSync, type Stats, statSync } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';

/** Bytes; a map of a host's tenants has a hundredth. */
const MOST = 4 * 2 ** 20;
const WITHIN_MS = 5000;
/** Opening waits for nobody, and a terminal does not become ours. Node adds O_CLOEXEC. */
const FLAGS = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY;

/** Reads under way, by path: of one that hangs, no second is begun, for each has a thread. */
const underWay = new Map<string, Promise<string>>();

/** Its text; rejects if it is not a regular file, is longer than 4 MiB, or does not come within 5 s. */
export function readOperatorFile(path: string): Promise<string> {
  const reading = underWay.get(path) ?? readWhole(path).finally(() => underWay.delete(path));
  underWay.set(path, reading);
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`it was not read within ${WITHIN_MS / 1000} s`)), WITHIN_MS);
    reading.then(resolve, reject).finally(() => clearTimeout(late));
  });
}

/** The same before anything is counted: at a start, which has nothing else to do. */
export function readOperatorFileAtStart(path: string): string {
  return told(() => {
    refuse(statSync(path), MOST);
    const descriptor = openSync(path, FLAGS);
    try {
      refuse(fstatSync(descriptor), MOST);
      const bytes = Buffer.alloc(MOST + 1);
      let length = 0;
      for (;;) {
        const read = readSync(descriptor, bytes, length, bytes.length - length, null);
        if (read === 0) return bytes.toString('utf8', 0, length);
        length = checked(length + read, MOST);
      }
    } finally {
      closeSync(descriptor);
    }
  });
}

/** For what is read piece by piece. The caller closes it. */
export async function openOperatorFile(path: string, mostBytes: number): Promise<FileHandle> {
  try {
    // A device may do something when it is opened.
    refuse(await stat(path), mostBytes);
    const handle = await open(path, FLAGS);
    try {
      refuse(await handle.stat(), mostBytes);
      return handle;
    } catch (error) {
      await handle.close();
      throw error;
    }
  } catch (error) {
    throw shortened(error);
  }
}

async function readWhole(path: string): Promise<string> {
  const handle = await openOperatorFile(path, MOST);
  try {
    const pieces: Buffer[] = [];
    let length = 0;
    for (;;) {
      const { bytesRead, buffer } = await handle.read(Buffer.alloc(64 * 1024));
      if (bytesRead === 0) return Buffer.concat(pieces).toString('utf8');
      length = checked(length + bytesRead, MOST);
      pieces.push(buffer.subarray(0, bytesRead));
    }
  } catch (error) {
    throw shortened(error);
  } finally {
    await handle.close();
  }
}

/** Files that grow, and those of /proc, are longer than they say. */
function checked(length: number, mostBytes: number): number {
  if (length > mostBytes) throw new Error(tooLong(mostBytes));
  return length;
}

function refuse(stats: Stats, mostBytes: number): void {
  if (!stats.isFile()) throw new Error(`it is ${kindOf(stats)}, not a regular file`);
  checked(stats.size, mostBytes);
}

function kindOf(stats: Stats): string {
  if (stats.isDirectory()) return 'a folder';
  if (stats.isFIFO()) return 'a pipe';
  return stats.isSocket() ? 'a socket' : 'a device';
}

function tooLong(mostBytes: number): string {
  return `it is longer than ${mostBytes / 2 ** 20} MiB`;
}

function told<Value>(read: () => Value): Value {
  try {
    return read();
  } catch (error) {
    throw shortened(error);
  }
}

/** 'ENOENT: no such file or directory', without the call and the path. */
function shortened(error: unknown): unknown {
  if (!(error instanceof Error && 'code' in error)) return error;
  return Object.assign(new Error(error.message.split(',')[0], { cause: error }), { code: error.code });
}

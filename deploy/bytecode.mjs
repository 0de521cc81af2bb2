// SPDX-License-Identifier: Apache-2.0
// node --hash-seed=1 deploy/bytecode.mjs FOLDER: keeps the bytecode of the program's bundles in FOLDER, for the Node that runs this.
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import v8 from 'node:v8';
import { Script } from 'node:vm';

/**
 * Keeps bytecode of every function, for no agent is started where the program is built. Compiling what `serve` runs beyond
 * `--version` was a fifth of the CPU time of its start; its bytecode takes 2 MB. V8 accepts only bytecode of its own flags,
 * here of none: `--no-lazy` is off again when V8 notes the flags. The same sources give the same bytes, wherever
 * they lie. V8 notes only the file's base name, and sorts by a seed that is random but for `node --hash-seed=1`, which is off
 * by then too.
 */
export function keepBytecode(filename) {
  v8.setFlagsFromString('--no-lazy');
  const script = new Script(readFileSync(filename, 'latin1'), { filename: basename(filename) });
  v8.setFlagsFromString('--lazy');
  v8.setFlagsFromString('--hash-seed=0');
  writeFileSync(bytecodeOf(filename), script.createCachedData());
}

/**
 * The bytecode's file is named after the Node that it is for, as deploy/entry.mjs looks for it. V8 compares four numbers of its own version, and Node
 * changes V8 between those: Node 20.19 takes bytecode of Node 20.20 and crashes.
 */
function bytecodeOf(filename) {
  return `${filename}.${process.version}-${process.arch}.bytecode`;
}

if (process.argv[1] === import.meta.filename) {
  const folder = process.argv[2];
  const names = readdirSync(folder);
  for (const name of names.filter((one) => one.endsWith('.bytecode'))) rmSync(join(folder, name));
  for (const name of names.filter((one) => /^(main|agent|serving)\.cjs$/.test(one))) keepBytecode(join(folder, name));
}

// SPDX-License-Identifier: Apache-2.0
// Direct calls and jumps in machine code.

interface Instructions {
  /** Bytes of a direct branch. */
  readonly bytes: number;
  readonly step: number;
  /** The distance from the instruction to the target of its branch; undefined: it is no branch. */
  readonly branch: (view: DataView, at: number) => number | undefined;
}

const INSTRUCTIONS: Readonly<Record<string, Instructions>> = {
  x64: { bytes: 5, step: 1, branch: branchOfX86 },
  arm64: { bytes: 4, step: 4, branch: branchOfArm },
};
const NONE: Instructions = { bytes: 1, step: 1, branch: () => undefined };

/** Names of the targets that a function calls or ends in; `start`: its address. An unknown architecture calls nothing. */
export function calledFunctions(
  text: Uint8Array,
  start: bigint,
  targets: ReadonlyMap<bigint, string>,
  architecture: string = process.arch,
): ReadonlySet<string> {
  const view = new DataView(text.buffer, text.byteOffset, text.byteLength);
  const found = new Set<string>();
  const { bytes, step, branch } = INSTRUCTIONS[architecture] ?? NONE;
  for (let at = 0; at + bytes <= text.length; at += step) {
    const offset = branch(view, at);
    const name = offset === undefined ? undefined : targets.get(start + BigInt(at + offset));
    if (name !== undefined) found.add(name);
  }
  return found;
}

/** call rel32, jmp rel32: wherever they seem to begin; one that is none hits no function's first byte. */
function branchOfX86(view: DataView, at: number): number | undefined {
  const opcode = view.getUint8(at);
  return opcode === 0xe8 || opcode === 0xe9 ? 5 + view.getInt32(at + 1, true) : undefined;
}

/** bl, b: 26 bits, in words. */
function branchOfArm(view: DataView, at: number): number | undefined {
  const word = view.getUint32(at, true);
  return (word & 0x7c000000) === 0x14000000 ? ((word << 6) >> 6) * 4 : undefined;
}

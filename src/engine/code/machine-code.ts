// SPDX-License-Identifier: Apache-2.0
// Direct calls and jumps in machine code, and those over a veneer.

interface Instructions {
  /** Bytes of a direct branch. */
  readonly bytes: number;
  readonly step: number;
  /** The distance from the instruction to the target of its branch; undefined: it is no branch. */
  readonly branch: (view: DataView, at: number) => number | undefined;
  /** Code that jumps farther than a direct branch can: its bytes, and where it jumps to when it lies at that address. */
  readonly veneer?: { readonly bytes: number; readonly target: (view: DataView, at: bigint) => bigint | undefined };
}

/** undefined: it cannot be read. */
type ReadText = (start: bigint, length: number) => Uint8Array | undefined;

const INSTRUCTIONS: Readonly<Record<string, Instructions>> = {
  x64: { bytes: 5, step: 1, branch: branchOfX86 },
  arm64: { bytes: 4, step: 4, branch: branchOfArm, veneer: { bytes: 12, target: veneerOfArm } },
};
const NONE: Instructions = { bytes: 1, step: 1, branch: () => undefined };

/**
 * Names of the targets that a function calls or ends in; `start`: its address. An unknown architecture calls nothing. `readText`
 * reads veneers, which lie elsewhere.
 */
export function calledFunctions(
  text: Uint8Array,
  start: bigint,
  targets: ReadonlyMap<bigint, string>,
  readText: ReadText = () => undefined,
  architecture: string = process.arch,
): ReadonlySet<string> {
  const view = viewOf(text);
  const found = new Set<string>();
  const { bytes, step, branch, veneer } = INSTRUCTIONS[architecture] ?? NONE;
  for (let at = 0; at + bytes <= text.length; at += step) {
    const offset = branch(view, at);
    if (offset === undefined) continue;
    const address = start + BigInt(at + offset);
    const isOwn = at + offset >= 0 && at + offset < text.length;
    const beyond = veneer && !isOwn && !targets.has(address) ? readText(address, veneer.bytes) : undefined;
    const name = targets.get((beyond && veneer?.target(viewOf(beyond), address)) ?? address);
    if (name !== undefined) found.add(name);
  }
  return found;
}

function viewOf(text: Uint8Array): DataView {
  return new DataView(text.buffer, text.byteOffset, text.byteLength);
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

/** adrp x16, page; add x16, x16, offset; br x16: as the kernel writes it for modules that lie more than 128 MB away. */
function veneerOfArm(view: DataView, at: bigint): bigint | undefined {
  const [page, offset, jump] = [view.getUint32(0, true), view.getUint32(4, true), view.getUint32(8, true)];
  if ((page & 0x9f00001f) >>> 0 !== 0x90000010 || (offset & 0xffc003ff) >>> 0 !== 0x91000210 || jump !== 0xd61f0200)
    return undefined;
  const pages = (((page << 8) >> 13) << 2) | ((page >>> 29) & 3);
  return BigInt.asUintN(64, (at & ~0xfffn) + BigInt(pages) * 0x1000n + BigInt((offset >>> 10) & 0xfff));
}

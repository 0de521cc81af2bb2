// SPDX-License-Identifier: Apache-2.0
// Numbers that are known before programs are loaded, written into their instructions.

/** Numbers that stand in the instructions of a BPF object as built, and the numbers that replace them. */
export type Constants = ReadonlyMap<number, number>;

/** BPF_JMP | BPF_JLT | BPF_K */
const IF_BELOW = 0xa5;
/** BPF_JMP | BPF_JGE | BPF_K */
const IF_NOT_BELOW = 0x35;
/** BPF_ALU64 | BPF_AND, BPF_ADD and BPF_SUB | BPF_K; BPF_JMP | BPF_JEQ | BPF_K */
const CONSTANT_INSTRUCTIONS: ReadonlySet<number | undefined> = new Set([0x57, 0x07, 0x17, IF_BELOW, 0x15]);
const INSTRUCTION_BYTES = 8;
const IMMEDIATE_AT = 4;
/** The highest of all numbers, for instructions extend its sign. */
const HIGHEST = -1;

/**
 * A copy of the ELF file in which each `and`, `add`, `sub`, `if below` and `if equal` with such a number has the other; throws where
 * there is none. Nothing is below 0, and for what is always below the comparison is turned round: the verifier knows both, and
 * leaves out what cannot be reached.
 */
export function withConstants(file: Uint8Array, constants: Constants): Uint8Array {
  const bytes = Buffer.from(file);
  const missing = new Set(constants.keys());
  // Sections of instructions are aligned to them.
  for (let at = 0; at + INSTRUCTION_BYTES <= bytes.length; at += INSTRUCTION_BYTES) {
    if (!CONSTANT_INSTRUCTIONS.has(bytes[at])) continue;
    const place = bytes.readInt32LE(at + IMMEDIATE_AT);
    const value = constants.get(place);
    if (value === undefined) continue;
    const always = bytes[at] === IF_BELOW && value === HIGHEST;
    if (always) bytes[at] = IF_NOT_BELOW;
    bytes.writeInt32LE(always ? 0 : value, at + IMMEDIATE_AT);
    missing.delete(place);
  }
  for (const place of missing)
    throw new Error(
      `The BPF object has no instruction with the number 0x${place.toString(16)}. Run 'npm start', which builds it anew.`,
    );
  return bytes;
}

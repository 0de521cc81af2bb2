// SPDX-License-Identifier: Apache-2.0
// Atomic operations in a BPF object for a kernel that does not know them.

const EXECUTABLE = 4n; // SHF_EXECINSTR
const SECTION_HEADER_BYTES = 64;
const INSTRUCTION_BYTES = 8;
/** BPF_STX | BPF_ATOMIC with 4 and with 8 bytes. */
const ATOMIC: ReadonlySet<number | undefined> = new Set([0xc3, 0xdb]);
/** A call of a function that no kernel has: the verifier refuses it where it can be reached. */
const REFUSED = Uint8Array.of(0x85, 0, 0, 0, 0xad, 0x0b, 0, 0);

/**
 * A copy of the ELF file in which each atomic operation but the plain addition is an instruction that no verifier lets run. The
 * programs reach them only where the kernel has them (bpf/atomics.bpf.h). But an old kernel refuses an instruction that it does not
 * know even where no program reaches it.
 */
export function withoutAtomics(file: Uint8Array): Uint8Array {
  const bytes = Buffer.from(file);
  for (const { start, end } of codeOf(bytes))
    for (let at = start; at + INSTRUCTION_BYTES <= end; at += INSTRUCTION_BYTES)
      if (ATOMIC.has(bytes[at]) && bytes.readInt32LE(at + 4) !== 0) bytes.set(REFUSED, at);
  return bytes;
}

/** Sections of instructions, of a 64-bit little-endian ELF file. */
function codeOf(bytes: Buffer): readonly { readonly start: number; readonly end: number }[] {
  const headers = Number(bytes.readBigUInt64LE(0x28)); // e_shoff
  return Array.from({ length: bytes.readUInt16LE(0x3c) }, (_, i) => headers + i * SECTION_HEADER_BYTES)
    .filter((header) => bytes.readBigUInt64LE(header + 8) & EXECUTABLE)
    .map((header) => {
      const start = Number(bytes.readBigUInt64LE(header + 0x18));
      return { start, end: start + Number(bytes.readBigUInt64LE(header + 0x20)) };
    });
}

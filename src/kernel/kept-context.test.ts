// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// cpu_id_beside() of bpf/instructions.bpf.h keeps the context in a place on the stack of which the compiler does not know.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';

const OBJECT = 'dist/bpf/tapscope.bpf.o';
const INSTRUCTION_BYTES = 8;
/** *(u64 *)(r10 - 8) = r1, then a call of bpf_get_smp_processor_id, then r1 = *(u64 *)(r10 - 8). */
const KEEPS_CONTEXT = Buffer.from('7b1af8ff00000000' + '8500000008000000' + '79a1f8ff00000000', 'hex');
const FRAME = 10;
const SECTION_OF_CODE = 4n;
/** Where a 64-bit ELF file and its headers of sections say so. */
const ELF = { sectionsAt: 0x28, count: 0x3c, headerBytes: 64, flags: 8, offset: 24, size: 32 };

function* sections(file: Buffer): Generator<Buffer> {
  const first = Number(file.readBigUInt64LE(ELF.sectionsAt));
  for (let i = 0; i < file.readUInt16LE(ELF.count); i++) {
    const header = file.subarray(first + i * ELF.headerBytes);
    const at = Number(header.readBigUInt64LE(ELF.offset));
    const code = (header.readBigUInt64LE(ELF.flags) & SECTION_OF_CODE) !== 0n;
    if (code) yield file.subarray(at, at + Number(header.readBigUInt64LE(ELF.size)));
  }
}

/** Instructions that name the frame pointer, as a source or as a destination. */
function usesOfFrame(code: Buffer): number {
  let uses = 0;
  for (let at = 0; at < code.length; at += INSTRUCTION_BYTES) {
    const registers = code[at + 1] ?? 0;
    if ((registers & 15) === FRAME || registers >> 4 === FRAME) uses++;
  }
  return uses;
}

test('programs that keep their context beside a call have nothing else on their stack', () => {
  // A program is a section of its own.
  const keeping = [...sections(readFileSync(OBJECT))].filter((code) => code.includes(KEEPS_CONTEXT));
  assert.equal(keeping.length, 5, 'entry, exit of raw tracepoints, two of freed packets, packets that are taken');
  for (const code of keeping) assert.equal(usesOfFrame(code), 2, 'the store and the load');
});

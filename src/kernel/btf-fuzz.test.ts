// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// Types (BTF) that are damaged, through the addon (`npm run test:asan`: with sanitizers): read, or refused in a sentence.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { fixturePath } from '../../addon/test/fixture.ts';
import { damaged } from '../../test/fuzz/damage.ts';
import { holdsForAll } from '../../test/fuzz/property.ts';
import { type Btf, native } from './native.ts';

const NAMES = ['shape', 'colour', 'answer', '__u64', 'counts', '.bss', '.rodata', '', 'nothing'];

/** Of elf.h: data; symbols and texts, without which a file is none. */
const PROGBITS = 1;
const KEPT = [2, 3];

const object = readFileSync(fixturePath);
const types = onlyTypes(object);
const offset = types.byteOffset - object.byteOffset;

holdsForAll(
  'types of any bytes',
  damaged(types),
  (bytes) => {
    const file = Buffer.from(object);
    file.fill(0, offset, offset + types.length);
    file.set(bytes.subarray(0, types.length), offset);
    const read = typesOf(file);
    if (read === undefined) return;
    for (const name of NAMES) assertRead(read, name);
    read.close();
  },
  { runs: 4000 },
);

function typesOf(file: Uint8Array): Btf | undefined {
  try {
    const opened = new (native().BpfObject)('damaged.bpf.o', file);
    const read = opened.btf();
    opened.close();
    return read;
  } catch (error) {
    assert.ok(error instanceof Error);
    assert.match(error.message, /^(open|read types of) damaged\.bpf\.o: /);
    return undefined;
  }
}

function assertRead(read: Btf, name: string): void {
  for (const field of read.struct(name)?.fields ?? [])
    assert.ok(field.offset >= 0 && field.size >= 0 && field.count >= 0 && typeof field.name === 'string');
  for (const { value } of read.enumValues(name) ?? []) assert.equal(typeof value, 'number');
  for (const one of read.variables(name)) assert.ok(one.offset >= 0 && one.size >= 0);
  assert.ok((read.functionArgs(name) ?? 0) >= 0 && (read.typedefFuncArgs(name) ?? 0) >= 0);
}

/**
 * The types in a 64-bit ELF file (elf(5)), whose other sections lose their names and flags: what libbpf makes of maps and programs whose types
 * are damaged is not ours to read, and it does crash.
 */
function onlyTypes(file: Buffer): Buffer {
  const start = Number(file.readBigUInt64LE(0x28));
  const size = file.readUInt16LE(0x3a);
  const all = Array.from({ length: file.readUInt16LE(0x3c) }, (_, index) => file.subarray(start + index * size));
  const contentOf = (header: Buffer) => {
    const at = Number(header.readBigUInt64LE(0x18));
    return file.subarray(at, at + Number(header.readBigUInt64LE(0x20)));
  };
  const names = contentOf(all[file.readUInt16LE(0x3e)] ?? Buffer.of());
  const found = all.find((header) => names.toString('latin1', header.readUInt32LE(0)).split('\0')[0] === '.BTF');
  assert.ok(found);
  for (const header of all) {
    if (header === found || KEPT.includes(header.readUInt32LE(4))) continue;
    header.writeUInt32LE(names.indexOf('strtab'), 0);
    header.writeUInt32LE(PROGBITS, 4);
    header.writeBigUInt64LE(0n, 8);
  }
  return contentOf(found);
}

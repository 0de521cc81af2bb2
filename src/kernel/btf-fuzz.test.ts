// SPDX-License-Identifier: Apache-2.0
// Needs: Node.
// Types (BTF) that are damaged, through the addon (`npm run test:asan`: with sanitizers): read, or refused in a sentence.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { typesPath } from '../../addon/test/fixture.ts';
import { damaged } from '../../test/fuzz/damage.ts';
import { holdsForAll } from '../../test/fuzz/property.ts';
import { type Btf, native } from './native.ts';

const NAMES = ['shape', 'colour', 'answer', 'caller', '__u64', '.bss', '', 'nothing'];
/** A name, a type or a size that is none; the first types, of which some are then within themselves. */
const ODD = [0xffff_ffff, 0x7fff_ffff, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9];

const object = readFileSync(typesPath);
const types = sectionOf(object, '.BTF');
const offset = types.byteOffset - object.byteOffset;

holdsForAll('types of any bytes', damaged(types), (bytes) => void isRead(bytes));

for (const odd of ODD)
  test(`types of which one word is ${odd}`, () => {
    for (let at = 0; at + 4 <= types.length; at += 4) {
      const bytes = Buffer.from(types);
      bytes.writeUInt32LE(odd, at);
      isRead(bytes);
    }
  });

test('types that are whole', () => assert.ok(isRead(types)));

/** False: it was refused. */
function isRead(bytes: Uint8Array): boolean {
  const file = Buffer.from(object);
  file.fill(0, offset, offset + types.length);
  file.set(bytes.subarray(0, types.length), offset);
  const read = typesOf(file);
  if (read === undefined) return false;
  for (const name of NAMES) assertRead(read, name);
  read.close();
  return true;
}

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

/** A section of a 64-bit ELF file (elf(5)), in the file's own memory. */
function sectionOf(file: Buffer, wanted: string): Buffer {
  const start = Number(file.readBigUInt64LE(0x28));
  const size = file.readUInt16LE(0x3a);
  const all = Array.from({ length: file.readUInt16LE(0x3c) }, (_, index) => file.subarray(start + index * size));
  const contentOf = (header: Buffer) => {
    const at = Number(header.readBigUInt64LE(0x18));
    return file.subarray(at, at + Number(header.readBigUInt64LE(0x20)));
  };
  const names = contentOf(all[file.readUInt16LE(0x3e)] ?? Buffer.of());
  const found = all.find((header) => names.toString('latin1', header.readUInt32LE(0)).split('\0')[0] === wanted);
  assert.ok(found, wanted);
  return contentOf(found);
}

// SPDX-License-Identifier: Apache-2.0
// The test object of fixture.bpf.c, and what tests of the addon ask of its errors.
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { errnoOf } from '../../src/kernel/error-name.ts';
import { BpfObject } from '../../src/kernel/native.ts';

export const fixturePath = fileURLToPath(new URL('../../dist/addon/fixture.bpf.o', import.meta.url));

/** Of types.bpf.c. */
export const typesPath = fileURLToPath(new URL('../../dist/addon/types.bpf.o', import.meta.url));

/** Opened, closed with the test. */
export function openFixture(t: TestContext): BpfObject {
  const object = new BpfObject(fixturePath);
  t.after(() => object.close());
  return object;
}

/** Opened and loaded, closed with the test. */
export function loadFixture(t: TestContext): BpfObject {
  const object = openFixture(t);
  object.load();
  return object;
}

/** Runs the fixture's producer: `records` numbered records of `size` bytes, into its ring. */
export function produce(object: BpfObject, records: number, size: number): void {
  const context = new Uint8Array(16);
  new Uint32Array(context.buffer).set([records, size]);
  assert.equal(object.testRun('produce', context), 0);
}

/** The offset of a variable in the fixture's .bss. */
export function offsetOf(object: BpfObject, variable: string): number {
  const found = object
    .btf()
    .variables('.bss')
    .find(({ name }) => name === variable);
  assert.ok(found, variable);
  return found.offset;
}

/** A check for assert.throws and rejects: errno name and message. */
export function failure(code: string, message: RegExp): (error: unknown) => true {
  return (error) => {
    assert.ok(error instanceof Error);
    assert.equal(errnoOf(error), code, error.message);
    assert.match(error.message, message);
    return true;
  };
}

// SPDX-License-Identifier: Apache-2.0
// Whether a command said what docs/schema/tapscope.schema.json says of it.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { Ajv, type ValidateFunction } from 'ajv';

const ajv = new Ajv({ strict: false, allErrors: true });
const schema = JSON.parse(readFileSync('docs/schema/tapscope.schema.json', 'utf8'));
ajv.addSchema(schema);

export function validatorOf(command: string): ValidateFunction {
  return ajv.compile({ $ref: `${schema.$id}#/$defs/${command}` });
}

export function assertValid(command: string, value: unknown): void {
  const validate = validatorOf(command);
  assert.ok(validate(value), `${command}: ${JSON.stringify(validate.errors?.slice(0, 5), null, 1)}`);
}

// SPDX-License-Identifier: Apache-2.0
// The words of a request are held against the schema of its route. The validator is loaded for the first of them: most agents answer scrapes
// alone, and it was a tenth of a start.
import type { Ajv, ValidateFunction } from 'ajv';
import type { FastifyInstance, FastifySchemaValidationError } from 'fastify';

interface Check {
  (words: unknown): boolean;
  errors?: FastifySchemaValidationError[] | null;
}

/** As fastify itself has them, but for what is said. */
const OPTIONS = {
  // An unknown word is refused: left out in silence, a typing error would be answered as if it were not there.
  removeAdditional: false,
  coerceTypes: 'array',
  useDefaults: true,
  addUsedSchema: false,
  allErrors: false,
  // 400 nines are Infinity, whose limits ajv would not look at otherwise.
  strictNumbers: false,
  // Our schemas are not held against the schema of schemas.
  meta: false,
  validateSchema: false,
} as const;

let ajv: Ajv | undefined;

/** Call it before routes are added. */
export function validateLater(app: FastifyInstance): void {
  app.addHook('onRoute', (route) => {
    if (route.schema) route.preValidation = load;
  });
  app.setValidatorCompiler<object>(({ schema }) => {
    let validate: ValidateFunction | undefined;
    const check: Check = (words) => {
      validate ??= ajv?.compile(schema);
      if (!validate) throw new Error('The validator is not loaded.');
      const isValid = validate(words) === true;
      check.errors = validate.errors ?? null;
      return isValid;
    };
    return check;
  });
}

async function load(): Promise<void> {
  if (ajv) return;
  const { Ajv } = await import('ajv');
  ajv ??= new Ajv(OPTIONS);
}

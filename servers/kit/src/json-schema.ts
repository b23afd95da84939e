// zod to JSON Schema, without what only costs a model's context: the dialect's name, the bounds of
// JavaScript's safe integers, switches that are off unless given, and `additionalProperties` of answers.
import { z } from 'zod';

export interface ObjectSchema {
  readonly type: 'object';
  readonly [keyword: string]: unknown;
}

/** The schema of what callers send (`input`: strict, defaults shown) or of what a tool answers. */
export function toJsonSchema(schema: z.ZodObject, io: 'input' | 'output'): ObjectSchema {
  const { $schema: _dialect, ...json } = z.toJSONSchema(schema, {
    io,
    reused: 'inline',
    override: ({ jsonSchema }) => {
      if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
      if (jsonSchema.default === false) delete jsonSchema.default;
      if (io === 'output') delete jsonSchema.additionalProperties;
    },
  });
  // A z.object is always an object schema; zod's type does not say so.
  return json as ObjectSchema;
}

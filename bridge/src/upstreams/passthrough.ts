// A result schema that lets everything through: the bridge forwards what a server said, so validating
// it here would only lose fields that this version does not know.
import type { StandardSchemaV1 } from '@modelcontextprotocol/client';

export const passthrough: StandardSchemaV1<unknown, unknown> = {
  '~standard': { version: 1, vendor: 'drawbridge', validate: (value) => ({ value }) },
};

// Lists in answers whose fields are told in words: a schema for each field would be paid for by every
// model with every list of the tools.
import { z } from 'zod';

/** `fields` says what each row has. */
export function rowsOf(fields: string) {
  return z.array(z.unknown()).describe(fields);
}

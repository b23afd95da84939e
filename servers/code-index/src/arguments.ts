// What tools take and answer. Each text and number has a limit, so that none can be too much for what is done with
// it; the limits are checked here and not stated in the schemas, where they would cost every context.
import { MAX_PATH } from '@drawbridge/paths';
import { z } from 'zod';
import { LANGUAGES } from './languages.ts';

/** At most `most` UTF-16 units. */
function textUpTo(most: number, least = 0) {
  return z.string().refine((text) => text.length <= most && text.length >= least, {
    error: `it must have ${least} to ${most} characters`,
  });
}

export const pathText = textUpTo(MAX_PATH);
export const cursorText = textUpTo(99);
export const hashText = textUpTo(64);
export const nameText = textUpTo(500, 1);
export const questionText = textUpTo(2_000, 1);
/** A regular expression or a piece of code, which becomes an argument of a process or a pattern. */
export const patternText = textUpTo(9_999, 1);
export const globText = textUpTo(999);
export const codeText = textUpTo(1024 * 1024);

const names = LANGUAGES.map(({ name }) => name);
export const languageName = z
  .string()
  .refine((name) => names.includes(name), { error: `it must be one of ${names.join(', ')}` });

export function countUpTo(most: number, least = 0) {
  return z.int().refine((count) => count >= least && count <= most, {
    error: `it must be ${least} to ${most}`,
  });
}

export const lineNumber = countUpTo(10_000_000, 1);

/** A list of objects with these fields; in words, because a schema of each costs every context more. */
export function rowsWith(fields: string) {
  return z.array(z.looseObject({})).describe(fields);
}

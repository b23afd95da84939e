// The texts that tools take. Each has a limit, so that none can be too long for what is done with it.
import { MAX_PATH } from '@drawbridge/paths';
import { z } from 'zod';
import { LANGUAGES } from './languages.ts';

/** At most `most` UTF-16 units. */
function textUpTo(most: number): z.ZodString {
  return z.string().max(most, `it is longer than ${most} characters`);
}

export const pathText = textUpTo(MAX_PATH);
export const cursorText = textUpTo(99);
export const hashText = textUpTo(64);
export const nameText = textUpTo(500).min(1);
export const questionText = textUpTo(2_000).min(1);
/** A regular expression or a piece of code, which becomes an argument of a process or a pattern. */
export const patternText = textUpTo(9_999).min(1);
export const globText = textUpTo(999);
export const codeText = textUpTo(1024 * 1024);
export const languageName = z.enum(LANGUAGES.map(({ name }) => name));

// The texts that tools take. Each has a limit, so that none can be too long for what is done with it.
import { z } from 'zod';
import { MAX_PATH } from '@drawbridge/paths';

/** At most `most` UTF-16 units. */
export function textUpTo(most: number): z.ZodString {
  return z.string().max(most, `it is longer than ${most} characters`);
}

export const pathText = textUpTo(MAX_PATH);
export const cursorText = textUpTo(99);
export const hashText = textUpTo(64);
/** A glob, or a regular expression: it becomes an argument of a process. */
export const patternText = textUpTo(9_999);
export const globText = textUpTo(999);
/** The content of a file. */
export const contentText = textUpTo(16 * 1024 * 1024);

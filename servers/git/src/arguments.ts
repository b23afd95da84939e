// The texts that tools take. Each has a limit. The limits are said in errors and not in the schemas: a
// model would pay for them with every list of the tools.
import { MAX_PATH } from '@drawbridge/paths';
import { z } from 'zod';

/** At most `most` UTF-16 units, without NUL. */
export function textUpTo(most: number) {
  return z
    .string()
    .refine((text) => text.length <= most, `it is longer than ${most} characters`)
    .refine((text) => !text.includes('\0'), 'it has a NUL byte in it');
}

export const pathText = textUpTo(MAX_PATH);
/** A folder of the repository; the first root, unless given. */
export const repoText = pathText.optional();
export const refText = textUpTo(256);
export const nameText = textUpTo(256);
export const cursorText = textUpTo(99).optional();
/** In the description of the server: relative to the top of the work tree. */
export const pathList = z
  .array(pathText)
  .refine((paths) => paths.length <= 1_000, 'more than 1000 paths');
export const messageText = textUpTo(64 * 1024);
export const urlText = textUpTo(2_048);

export function limitOf(most: number, usual: number) {
  return z
    .int()
    .refine((limit) => limit >= 1 && limit <= most, `1 to ${most}`)
    .default(usual);
}

/** Names that models guess for the repository's folder. */
export const aliases = {
  path: 'repo',
  repo_path: 'repo',
  repository: 'repo',
  cwd: 'repo',
  directory: 'repo',
};

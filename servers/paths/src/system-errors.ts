// What the operating system refuses, in words that a model can act on.
import { ToolError } from '@drawbridge/kit';
import { inQuotes } from './shown.ts';

function hasCode(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'code' in error && typeof error.code === 'string';
}

export function isSystemError(error: unknown, ...codes: readonly string[]): boolean {
  return hasCode(error) && error.code !== undefined && codes.includes(error.code);
}

const words: Readonly<Record<string, readonly [wrong: string, hint?: string]>> = {
  ENOENT: ['does not exist', 'list or find, to see what is there'],
  ENOTDIR: ['leads through something that is not a folder'],
  EISDIR: ['is a folder', 'list'],
  EEXIST: ['exists already'],
  ENOTEMPTY: ['is a folder that is not empty'],
  EACCES: ['may not be used: the system denies permission to this server'],
  EPERM: ['may not be used: the system does not permit it'],
  EROFS: ['is on a read-only file system'],
  ELOOP: ['is a symbolic link where none may be, or changed meanwhile', 'the same call again'],
  ENAMETOOLONG: ['has a name that is too long'],
  ENOSPC: ['could not be written: the disk is full'],
  EDQUOT: ['could not be written: the quota is used up'],
  EMFILE: ['could not be opened: too many files are open', 'the same call again'],
  ENFILE: ['could not be opened: too many files are open', 'the same call again'],
  ENXIO: ['is a pipe or device'],
  EBUSY: ['is in use'],
  ETXTBSY: ['is a program that is running'],
  EFBIG: ['would be too large'],
  EXDEV: ['lies on another file system'],
};

/** Throws `error` on as a ToolError about `path` if it is the system's; as it is otherwise. */
export function rethrowSystemError(error: unknown, path: string): never {
  // What Node itself finds wrong has a code as well, but is no answer of the system.
  if (!hasCode(error) || error.syscall === undefined) throw error;
  const [wrong, hint] = words[error.code ?? ''] ?? [`could not be used: ${error.code}`];
  throw new ToolError(`${inQuotes(path)} ${wrong}.`, {
    cause: error,
    ...(hint !== undefined && { hint }),
  });
}

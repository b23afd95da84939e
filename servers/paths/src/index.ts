// What servers that touch files share: roots, guarded opening, atomic writes, ripgrep.
export { assertFree, type FileOwner, placeNew, writeAtomically } from './atomic-write.ts';
export { readAt, readWhole, tooLarge } from './bounded-read.ts';
export { type Folder, openFolder } from './folder.ts';
export { createFolderCache, type FolderCache, ifThere } from './folder-cache.ts';
export { toMatcher } from './glob.ts';
export { isKernelFile, listKernelMounts } from './kernel-files.ts';
export { listFiles, tooMany, toWalkArguments, TRASH_FOLDER } from './listing.ts';
export { createLocks, type Locks } from './locks.ts';
export { createPathGuard, type PathGuard, type Place } from './path-guard.ts';
export { isInside, MAX_PATH } from './path-rules.ts';
export { createRipgrep, createSplitter, type Ripgrep } from './ripgrep.ts';
export { fromShown, inQuotes, quoted, toShown } from './shown.ts';
export { isSystemError } from './system-errors.ts';
export { createTurns } from './turns.ts';

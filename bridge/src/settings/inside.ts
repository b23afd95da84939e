// Whether a path lies in a folder, with every link resolved as far as the path exists.
import { realpathSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { isSystemError } from '../errors.ts';

/** Absolute and free of links; what does not exist keeps its name. */
export function toRealPath(path: string): string {
  const whole = resolve(path);
  try {
    return realpathSync(whole);
  } catch (error) {
    const parent = dirname(whole);
    if (!isSystemError(error, 'ENOENT', 'ENOTDIR', 'EACCES', 'ELOOP') || parent === whole) {
      if (parent === whole) return whole;
      throw error;
    }
    return join(toRealPath(parent), basename(whole));
  }
}

/** True for the folder itself as well. */
export function isInside(folder: string, path: string): boolean {
  const way = relative(toRealPath(folder), toRealPath(path));
  return way === '' || (way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way));
}

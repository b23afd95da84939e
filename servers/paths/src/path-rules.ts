// What a path may look like before any file is asked. Pure; what the file system itself has to say
// (links, what stands behind a name) is path-guard.ts.
import { posix, win32, type PlatformPath } from 'node:path';
import { ToolError } from '@drawbridge/kit';
import { fromShown, inQuotes, toShown } from './shown.ts';

/** Folders that show the kernel's state as files, whatever the root. */
export const KERNEL_FOLDERS = ['/proc', '/sys'];
/** Refused unless the root itself lies in it, as one in /dev/shm does. */
export const DEVICE_FOLDER = '/dev';
/** Drawbridge's own state, by the name it has unless the operator chose another. */
const STATE_FOLDER = '.drawbridge';
export const MAX_PATH = 4096;
const WINDOWS_DEVICE = /^(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?$/i;

export function pathsOf(platform: NodeJS.Platform): PlatformPath {
  return platform === 'win32' ? win32 : posix;
}

/** Whether `path` is `folder` or lies in it, by whole names: `/a/bc` is not in `/a/b`. */
export function isInside(
  folder: string,
  path: string,
  platform: NodeJS.Platform = process.platform,
): boolean {
  const paths = pathsOf(platform);
  // Most paths are normal, and then a comparison of their beginnings says it, and is far quicker.
  if (platform !== 'win32' && !path.includes('/.') && !path.includes('//')) {
    return `${path}/`.startsWith(folder.endsWith('/') ? folder : `${folder}/`);
  }
  const between = paths.relative(folder, path);
  if (between === '') return true;
  return between !== '..' && !between.startsWith(`..${paths.sep}`) && !paths.isAbsolute(between);
}

function assertWindowsName(path: string): void {
  // `C:` at the start is a drive; any other colon is an alternate stream of a file.
  const names = path.replace(/^[a-z]:/i, '').split(/[\\/]/);
  const wrong = names.find(
    (name) =>
      name !== '.' &&
      name !== '..' &&
      (/[. ]$/.test(name) || name.includes(':') || WINDOWS_DEVICE.test(name)),
  );
  if (wrong !== undefined || /^[\\/]{2}/.test(path)) {
    throw new ToolError(
      `${inQuotes(path)} is not a plain path: ${toShown(wrong ?? 'a network or device path')}.`,
      {
        allowed: 'names without ":", without a dot or space at the end, that are no device',
      },
    );
  }
}

/**
 * The absolute, normal form of what a caller wrote; a relative path counts from `base`.
 * @throws ToolError for what is not a plain path.
 */
export function parsePath(
  written: string,
  base: string,
  platform: NodeJS.Platform = process.platform,
): string {
  const given = fromShown(written);
  if (given.trim() === '') {
    throw new ToolError('The path is empty.', { hint: '"." for the first root' });
  }
  if (given.includes('\0')) throw new ToolError('The path has a NUL byte in it.');
  if (given.length > MAX_PATH) {
    throw new ToolError(`The path is longer than ${MAX_PATH} characters.`);
  }
  if (given.startsWith('~')) {
    throw new ToolError('"~" is not expanded.', {
      hint: `an absolute path, or one relative to ${toShown(base)}; "./~name" for a name that begins with "~"`,
    });
  }
  if (/^file:/i.test(given)) {
    throw new ToolError('A path is wanted, not a URI.', { hint: 'the part after "file://"' });
  }
  if (platform === 'win32') assertWindowsName(given);
  return pathsOf(platform).resolve(base, given);
}

export const KERNEL_REFUSAL = "the kernel's own folders";
export const HOME_REFUSAL = "Drawbridge's own folder";

export function isStateFolder(name: string): boolean {
  return name.toLowerCase() === STATE_FOLDER;
}

/** Why `path`, inside `root` and free of links, may still not be used; nothing when it may. */
export function refusalOf(
  path: string,
  root: string,
  homes: readonly string[],
): string | undefined {
  if (homes.some((home) => isInside(home, path))) return HOME_REFUSAL;
  const names = pathsOf(process.platform).relative(root, path).split(/[\\/]/);
  if (names.some(isStateFolder)) return HOME_REFUSAL;
  const isKernels =
    KERNEL_FOLDERS.some((folder) => isInside(folder, path)) ||
    (isInside(DEVICE_FOLDER, path) && !isInside(DEVICE_FOLDER, root));
  return isKernels ? KERNEL_REFUSAL : undefined;
}

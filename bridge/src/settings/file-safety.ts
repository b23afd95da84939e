// Who can write a file: the question that decides whether a changed settings file is followed. Every
// folder on the way counts, because who can write a folder can put another file in the file's place.
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readFileSync,
  readlinkSync,
  type Stats,
} from 'node:fs';
import { dirname, join, parse, relative, resolve, sep } from 'node:path';
import { DrawbridgeError, isSystemError } from '../errors.ts';
import { hasModes, isOwnUser, nonBlocking } from './private-file.ts';

/** More than any settings file needs; a larger one would only be work. */
const MAX_FILE_BYTES = 1024 * 1024;
const MAX_LINKS = 40;

/**
 * The text of a regular file, without a byte order mark; undefined when nothing is there.
 *
 * @throws DrawbridgeError `settings/invalid` for what is no file, too large, or cannot be read.
 */
export function readSettingsText(path: string): string | undefined {
  const refuse = (why: string, cause?: unknown) =>
    new DrawbridgeError('settings/invalid', `${path} ${why}`, {
      details: [{ path, message: why }],
      ...(cause !== undefined && { cause }),
    });
  let file: number;
  try {
    file = openSync(path, constants.O_RDONLY | nonBlocking);
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw refuse(`cannot be read: ${String(error)}`, error);
  }
  try {
    const { size, mode } = fstatSync(file);
    if ((mode & constants.S_IFMT) !== constants.S_IFREG) throw refuse('cannot be read: no file');
    if (size > MAX_FILE_BYTES) {
      throw refuse(`cannot be read: it has ${size} bytes, ${MAX_FILE_BYTES} are allowed`);
    }
    return readFileSync(file, 'utf8').replace(/^\uFEFF/, '');
  } finally {
    closeSync(file);
  }
}

/**
 * Whether nobody but its owner, this user or root, can change what is found at `path`: neither the
 * file nor a folder or link on the way to it. Access control lists are not looked at.
 */
export function isWrittenByOwnerOnly(path: string): boolean {
  if (!hasModes) return false;
  let links = 0;
  const holds = (target: string): boolean => {
    const { root } = parse(target);
    let at = root;
    if (!isSafeFolder(lstatSync(root))) return false;
    for (const name of relative(root, target).split(sep)) {
      at = join(at, name);
      const found = lstatSync(at, { throwIfNoEntry: false });
      if (found === undefined || !isOwnerTrusted(found)) return false;
      if (found.isSymbolicLink()) {
        links += 1;
        const next = resolve(dirname(at), readlinkSync(at));
        return links <= MAX_LINKS && holds(join(next, relative(at, target)));
      }
      const isSafe = found.isDirectory() ? isSafeFolder(found) : (found.mode & 0o022) === 0;
      if (!isSafe) return false;
    }
    return true;
  };
  try {
    return holds(resolve(path));
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR', 'EACCES', 'ELOOP')) return false;
    throw error;
  }
}

/**
 * Whether `path` is itself a mount that is read-only, as containers get a file of the host. Whoever set
 * the container up decided about this very file, and nothing inside can change it.
 */
export function isReadOnlyMount(path: string): boolean {
  if (process.platform !== 'linux') return false;
  // Fields of proc(5), mountinfo: the fifth is the mount point, the sixth its options.
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' '))
    .filter(([, , , , point = '']) => unescapeMount(point) === path);
  // The last of several at one point is the one that shows.
  const options = mounts.at(-1)?.[5]?.split(',') ?? [];
  return options.includes('ro') && !lstatSync(path).isSymbolicLink();
}

function unescapeMount(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_, code: string) =>
    String.fromCharCode(Number.parseInt(code, 8)),
  );
}

function isOwnerTrusted({ uid }: Stats): boolean {
  return uid === 0 || isOwnUser(uid);
}

/** In a folder with the sticky bit, such as /tmp, only the owner of an entry can replace it. */
function isSafeFolder({ mode, uid }: Stats): boolean {
  return (uid === 0 || isOwnUser(uid)) && ((mode & 0o022) === 0 || (mode & 0o1000) !== 0);
}

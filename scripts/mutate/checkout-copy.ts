// Copies of the checkout, as it is now, in which files may be broken. They hold what git tracks and what
// it would track. Packages are links to those of the checkout; links between packages of the workspace
// stay within the copy, so that its own files are tested.
import { execFile } from 'node:child_process';
import {
  cp,
  lstat,
  mkdir,
  mkdtemp,
  readFile,
  readdir,
  readlink,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';

export interface CheckoutCopy {
  readonly root: string;
  /** Runs `work` while the file below the root has another text. */
  withText<T>(file: string, text: string, work: () => Promise<T>): Promise<T>;
  remove(): Promise<void>;
}

const LIST_BYTES = 64 * 1024 * 1024;

export async function createCheckoutCopy(checkout: string): Promise<CheckoutCopy> {
  const root = await mkdtemp(join(tmpdir(), 'drawbridge-mutate-'));
  const files = await listFiles(checkout);
  for (const file of files) await cp(join(checkout, file), join(root, file));
  const packages = files.filter((file) => basename(file) === 'package.json').map(dirname);
  for (const folder of packages)
    await linkPackages(join(checkout, folder, 'node_modules'), join(root, folder, 'node_modules'));
  return {
    root,
    async withText(file, text, work) {
      const path = join(root, file);
      const before = await readFile(path);
      await writeFile(path, text);
      try {
        return await work();
      } finally {
        await writeFile(path, before);
      }
    },
    remove: () => rm(root, { recursive: true, force: true }),
  };
}

/** Without those that are deleted and not committed. */
async function listFiles(checkout: string): Promise<string[]> {
  const list = async (...which: string[]): Promise<string[]> => {
    const { stdout } = await promisify(execFile)('git', ['ls-files', '-z', ...which], {
      cwd: checkout,
      maxBuffer: LIST_BYTES,
    });
    return stdout.split('\0').filter((file) => file !== '');
  };
  const deleted = new Set(await list('--deleted'));
  const all = await list('--cached', '--others', '--exclude-standard');
  // As a link, `node_modules` is not what .gitignore means by a folder.
  return all.filter((file) => !deleted.has(file) && basename(file) !== 'node_modules');
}

/** The folder itself is made, because tools keep caches in it. */
async function linkPackages(from: string, to: string): Promise<void> {
  const names = await readdir(from).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (names === undefined) return;
  await mkdir(to, { recursive: true });
  for (const name of names) {
    const source = join(from, name);
    if ((await lstat(source)).isSymbolicLink())
      await symlink(await readlink(source), join(to, name));
    else if (name.startsWith('@')) await linkPackages(source, join(to, name));
    else if (!name.startsWith('.vite')) await symlink(source, join(to, name));
  }
}

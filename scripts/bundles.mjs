// What is bundled, found in the tree: the bridge, and every package below `servers` and `agents` that has
// a `src/main.ts`. A file `src/<name>.worker.ts` of such a package, or of a package of ours that it
// depends on, becomes a file of its own, because a worker thread is started by its file's name.
import { existsSync, readFileSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';

const OURS = '@drawbridge/';
const WORKER = '.worker.ts';

/**
 * Each with `input` (the paths of entries by the names of the files they become), `dir` (where those go),
 * `folder` (the program's own) and `sources` (the folders it is made of). All paths are absolute.
 */
export function findBundles(root) {
  const packages = findPackages(root);
  const bridge = join(root, 'bridge');
  const programs = ['servers', 'agents']
    .flatMap((parent) => foldersIn(join(root, parent)))
    .filter((folder) => existsSync(join(folder, 'src/main.ts')));
  return [
    {
      // The worker works through large JSON beside the event loop.
      input: { cli: join(bridge, 'src/cli/main.ts'), worker: join(bridge, 'src/worker.ts') },
      folder: bridge,
    },
    ...programs.map((folder) => ({ input: { main: join(folder, 'src/main.ts') }, folder })),
  ].map(({ input, folder }) => {
    const parts = partsOf(folder, packages);
    return {
      input: { ...input, ...Object.assign({}, ...parts.map(workersOf)) },
      dir: join(folder, 'dist'),
      sources: parts.map((part) => join(part, 'src')),
      folder,
    };
  });
}

/** Whether a bundle is newer than all that it is made of. */
export function isFresh(root, { input, dir, sources }) {
  const names = [...Object.keys(input).map((name) => `${name}.js`), 'sources.json'];
  const files = names.map((name) => join(dir, name));
  if (!files.every((file) => existsSync(file))) return false;
  const made = Math.min(...files.map(timeOf));
  const others = ['pnpm-lock.yaml', 'scripts/bundle.mjs', 'scripts/bundles.mjs'];
  return [...sources.flatMap(filesIn), ...others.map((name) => join(root, name))].every(
    (file) => timeOf(file) < made,
  );
}

/**
 * For a bundler: whether `name`, imported by `importer`, is a package that stays in node_modules: one with
 * native code or WebAssembly, or one that the program in `folder` lists under `drawbridge.outside` in its
 * package.json because it reads files of its own.
 *
 * Throws where the program's package.json does not name it: it could not be found from the bundle.
 */
export function isOutside(name, importer, folder) {
  const id = toPackageName(name);
  if (id === undefined || id.startsWith(OURS)) return false;
  const { dependencies = {}, optionalDependencies = {}, drawbridge } = readManifest(folder);
  const found = findPackageFolder(id, dirname(importer));
  // What a package tries to import, and does without.
  if (found === undefined) return true;
  if (!hasBinaries(found) && drawbridge?.outside?.includes(id) !== true) return false;
  if (id in dependencies || id in optionalDependencies) return true;
  const manifest = join(folder, 'package.json');
  throw new Error(`${manifest} must name ${id} as a dependency: it stays outside the bundle.`);
}

const BINARY = /\.(?:node|wasm)$/;
const known = new Map();

/** Its own, or those of a part for this platform. */
function hasBinaries(folder) {
  let has = known.get(folder);
  if (has === undefined) {
    const { optionalDependencies = {}, os } = readManifest(folder);
    has =
      os !== undefined ||
      readdirSync(folder, { recursive: true, encoding: 'utf8' }).some((path) =>
        BINARY.test(path),
      ) ||
      Object.keys(optionalDependencies)
        .map((id) => findPackageFolder(id, folder))
        .some((part) => part !== undefined && hasBinaries(part));
    known.set(folder, has);
  }
  return has;
}

function findPackageFolder(id, from) {
  for (const place of createRequire(join(from, 'file.js')).resolve.paths(id) ?? []) {
    if (existsSync(join(place, id, 'package.json'))) return realpathSync(join(place, id));
  }
  return undefined;
}

/** Undefined for files and for modules of Node. */
function toPackageName(name) {
  const [, id] = /^(@[\w.-]+\/[\w.-]+|[a-zA-Z][\w.-]*)(?:\/|$)/.exec(name) ?? [];
  return id;
}

function findPackages(root) {
  const folders = [
    ...['schemas', 'registry', 'bridge'].map((name) => join(root, name)),
    ...['servers', 'agents'].flatMap((parent) => foldersIn(join(root, parent))),
  ].filter((folder) => existsSync(join(folder, 'package.json')));
  return new Map(folders.map((folder) => [readManifest(folder).name, folder]));
}

/** A package's folder, and those of the packages of ours that it depends on, directly or not. */
function partsOf(folder, packages) {
  const parts = new Set([folder]);
  for (const part of parts) {
    for (const name of Object.keys(readManifest(part).dependencies ?? {})) {
      if (!name.startsWith(OURS)) continue;
      const found = packages.get(name);
      if (found === undefined) throw new Error(`${part} depends on ${name}, which is not there.`);
      parts.add(found);
    }
  }
  return [...parts];
}

const workersOf = (folder) =>
  Object.fromEntries(
    readdirSync(join(folder, 'src'))
      .filter((name) => name.endsWith(WORKER))
      .map((name) => [basename(name, '.ts'), join(folder, 'src', name)]),
  );

const foldersIn = (parent) =>
  existsSync(parent) ? readdirSync(parent).map((name) => join(parent, name)) : [];

const filesIn = (folder) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(?:ts|json)$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name));

const timeOf = (file) => statSync(file).mtimeMs;

const readManifest = (folder) => JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));

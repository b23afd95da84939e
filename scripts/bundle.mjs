// Bundles the bridge and each server, because a child started from a bundle answers in a third of
// the time and half the memory that it takes from sources. Leaves alone what no source is newer than.
import { writeFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { rolldown } from 'rolldown';
import { findBundles, isFresh, isOutside } from './bundles.mjs';

const root = resolve(import.meta.dirname, '..');

async function write({ input, dir, folder, sources }) {
  const bundle = await rolldown({
    input,
    external: (name, importer) => importer !== undefined && isOutside(name, importer, folder),
    platform: 'node',
    // Modules before UMD: a UMD wrapper hides its own requires from a bundler (jsonc-parser).
    resolve: { mainFields: ['module', 'main'] },
    logLevel: 'warn',
    checks: { circularDependency: false },
  });
  await bundle.write({
    dir,
    format: 'esm',
    entryFileNames: '[name].js',
    chunkFileNames: 'chunks/[name]-[hash].js',
    minify: false,
    cleanDir: true,
  });
  await bundle.close();
  // Whoever starts the bundle looks whether one of these is newer.
  const list = sources.map((path) => relative(folder, path));
  await writeFile(join(dir, 'sources.json'), JSON.stringify(list));
}

await Promise.all(
  findBundles(root)
    .filter((bundle) => !isFresh(root, bundle))
    .map(write),
);

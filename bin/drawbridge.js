#!/usr/bin/env node
// Starts the command line: from its bundle, or from sources where there is no bundle or the sources
// are newer. Plain JavaScript, because nothing is compiled yet when it runs.
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const root = join(import.meta.dirname, '..');
const bundle = join(root, 'bridge', 'dist', 'cli.js');
const source = join(root, 'bridge', 'src', 'cli', 'main.ts');

const isFresh = () => {
  if (!existsSync(bundle)) return false;
  const made = statSync(bundle).mtimeMs;
  return ['bridge', 'schemas', 'registry']
    .map((name) => join(root, name, 'src'))
    .filter((folder) => existsSync(folder))
    .every((folder) =>
      readdirSync(folder, { recursive: true }).every(
        (name) => statSync(join(folder, name)).mtimeMs <= made,
      ),
    );
};

const load = async () => {
  if (isFresh()) return import(pathToFileURL(bundle).href);
  const { register } = await import('tsx/esm/api');
  register();
  return import(pathToFileURL(source).href);
};

const { main } = await load();
process.exitCode = await main();

// A program in the tree is bundled without a list that names it: with its worker threads, with packages
// that have binaries left outside, and anew when anything that it is made of has changed.
import { spawnSync } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

const project = resolve(import.meta.dirname, '..');
let root: string;

async function write(path: string, content: string | object): Promise<void> {
  const file = join(root, path);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, typeof content === 'string' ? content : JSON.stringify(content));
}

/** A package of ours, found by others as in a workspace. */
async function addPackage(folder: string, name: string, dependencies = {}): Promise<void> {
  await write(`${folder}/package.json`, { name: `@drawbridge/${name}`, dependencies });
  await mkdir(join(root, 'node_modules/@drawbridge'), { recursive: true });
  await symlink(join(root, folder), join(root, 'node_modules/@drawbridge', name));
}

function bundle(): { status: number | null; stderr: string } {
  return spawnSync(process.execPath, ['scripts/bundle.mjs'], { cwd: root, encoding: 'utf8' });
}

const run = (file: string) =>
  spawnSync(process.execPath, [join(root, file)], { encoding: 'utf8' }).stdout;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'drawbridge-bundles-'));
  for (const name of ['bundle.mjs', 'bundles.mjs'])
    await cp(join(project, 'scripts', name), join(root, 'scripts', name));
  await mkdir(join(root, 'node_modules'));
  await symlink(join(project, 'node_modules/rolldown'), join(root, 'node_modules/rolldown'));
  await write('pnpm-lock.yaml', '');
  await addPackage('bridge', 'bridge');
  await write('bridge/src/cli/main.ts', '');
  await write('bridge/src/worker.ts', '');
  await addPackage('servers/shared', 'shared');
  await write('servers/shared/package.json', {
    name: '@drawbridge/shared',
    exports: './src/index.ts',
  });
  await write('servers/shared/src/index.ts', "export const word: string = 'first';");
  await addPackage('servers/words', 'words', { '@drawbridge/shared': 'workspace:*' });
  await write(
    'servers/words/src/main.ts',
    "import { word } from '@drawbridge/shared';\nconsole.log(word);",
  );
});
afterEach(() => rm(root, { recursive: true, force: true }));

test('a server is found by its src/main.ts', () => {
  expect(bundle()).toMatchObject({ status: 0 });
  expect(run('servers/words/dist/main.js')).toBe('first\n');
});

test('a worker, its own or of a package that it is made of, is a file beside it', async () => {
  await write('servers/words/src/count.worker.ts', "console.log('count');");
  await write('servers/shared/src/parse.worker.ts', "console.log('parse');");
  expect(bundle()).toMatchObject({ status: 0 });
  expect(run('servers/words/dist/count.worker.js')).toBe('count\n');
  expect(run('servers/words/dist/parse.worker.js')).toBe('parse\n');
});

test('it is made anew when a package that it is made of has changed, and only then', async () => {
  bundle();
  const made = join(root, 'servers/words/dist/main.js');
  await writeFile(made, "console.log('kept');");
  bundle();
  expect(run('servers/words/dist/main.js')).toBe('kept\n');
  await write('servers/shared/src/index.ts', "export const word: string = 'second';");
  const later = new Date(Date.now() + 10_000);
  await utimes(join(root, 'servers/shared/src/index.ts'), later, later);
  bundle();
  expect(run('servers/words/dist/main.js')).toBe('second\n');
});

test.each([
  ['native code', { 'build/x.node': '' }, {}],
  ['WebAssembly', { 'x.wasm': '' }, {}],
  ['files that the server says it reads', { 'data.json': '{}' }, { outside: ['heavy'] }],
])(
  'a package with %s stays outside, where the server names it',
  async (_what, files, drawbridge) => {
    await write('node_modules/heavy/package.json', { name: 'heavy', main: 'index.js' });
    await write('node_modules/heavy/index.js', "module.exports = 'inlined or not';");
    for (const [path, content] of Object.entries(files))
      await write(`node_modules/heavy/${path}`, content);
    await write('servers/words/src/main.ts', "import heavy from 'heavy';\nconsole.log(heavy);");
    await write('servers/words/package.json', { name: '@drawbridge/words', drawbridge });
    const refused = bundle();
    expect(refused.status).not.toBe(0);
    expect(refused.stderr).toContain('must name heavy as a dependency');
    await write('servers/words/package.json', {
      name: '@drawbridge/words',
      dependencies: { heavy: '1.0.0' },
      drawbridge,
    });
    expect(bundle()).toMatchObject({ status: 0 });
    expect(await readFile(join(root, 'servers/words/dist/main.js'), 'utf8')).toContain(
      'from "heavy"',
    );
  },
);

test('a package without files of its own is part of the bundle', async () => {
  await write('node_modules/light/package.json', { name: 'light', main: 'index.js' });
  await write('node_modules/light/index.js', "module.exports = 'inlined';");
  await write('servers/words/src/main.ts', "import light from 'light';\nconsole.log(light);");
  expect(bundle()).toMatchObject({ status: 0 });
  await rm(join(root, 'node_modules/light'), { recursive: true });
  expect(run('servers/words/dist/main.js')).toBe('inlined\n');
});

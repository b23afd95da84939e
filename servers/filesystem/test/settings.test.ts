// Drawbridge's homes, the user's state and the settings are out of every caller's reach.
import { createHash } from 'node:crypto';
import { symlinkSync } from 'node:fs';
import { link, mkdir, readFile, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openWorkbench, type Workbench, type WorkbenchOptions } from './harness.ts';
import { SECRET, answeredAt } from './secret.ts';

const SETTINGS = '{"mcpServers":{}}';

function stateOf({ base }: Workbench): string {
  return join(base, 'user/.local/state/drawbridge');
}

async function record(folder: string, entry: { path: string; text?: string }): Promise<void> {
  await mkdir(folder, { recursive: true });
  const name = createHash('sha256').update(entry.path).digest('hex');
  await writeFile(join(folder, `${name}.json`), JSON.stringify(entry));
}

describe('a home that Drawbridge made', () => {
  it('is refused as soon as the user has it on the list, there or not, by any name', async () => {
    const bench = await openWorkbench();
    const { call, root } = bench;
    await mkdir(join(root, 'state/deep'), { recursive: true });
    await writeFile(join(root, 'state/token'), SECRET);
    expect((await call('read_text', { path: 'state/token' })).text).toContain(SECRET);
    await record(join(stateOf(bench), 'homes'), { path: join(root, 'state') });
    await record(join(stateOf(bench), 'homes'), { path: join(root, 'later') });
    await symlink('state', join(root, 'alias'));
    for (const path of ['state/token', 'alias/token', 'state/deep/../token', 'later/x']) {
      expect(await answeredAt(bench, path)).toEqual([]);
    }
    expect((await call('create_directory', { path: 'later' })).isError).toBe(true);
    expect((await call('tree')).text).not.toContain('state/');
    expect((await call('delete', { path: 'state' })).isError).toBe(true);
  });

  it('is refused although other entries of the list are damaged', async () => {
    const bench = await openWorkbench();
    const homes = join(stateOf(bench), 'homes');
    await record(homes, { path: join(bench.root, 'state') });
    await writeFile(join(homes, 'a.json'), '{"path":');
    await writeFile(join(homes, 'b.json'), '{"path":7}');
    await writeFile(join(homes, 'c.json'), '{"path":"relative"}');
    await mkdir(join(homes, 'd.json'));
    await mkdir(join(bench.root, 'state'));
    await writeFile(join(bench.root, 'state/token'), SECRET);
    expect(await answeredAt(bench, 'state/token')).toEqual([]);
    expect((await bench.call('list')).isError).toBe(false);
  });

  it('is not opened because the list of homes cannot be read: then nothing is', async () => {
    const bench = await openWorkbench();
    await mkdir(stateOf(bench), { recursive: true });
    await writeFile(join(stateOf(bench), 'homes'), 'not a folder');
    await writeFile(join(bench.root, 'a.txt'), SECRET);
    expect(await answeredAt(bench, 'a.txt')).toEqual([]);
    expect((await bench.call('list')).text).toContain('cannot be read');
  });
});

describe("the user's state folder", () => {
  const inRoot: WorkbenchOptions = {
    env: (base) => ({ XDG_STATE_HOME: join(base, 'root/state') }),
  };

  it('is refused before it exists, and nothing is put in its place', async () => {
    const bench = await openWorkbench(inRoot);
    const { call, root } = bench;
    await mkdir(join(root, 'evil/drawbridge/homes'), { recursive: true });
    expect(await answeredAt(bench, 'state/drawbridge/homes/x.json')).toEqual([]);
    for (const name of ['move', 'copy']) {
      for (const to of ['state', 'state/drawbridge']) {
        expect(await call(name, { from: 'evil', to })).toMatchObject({ isError: true });
      }
    }
    expect((await call('write', { path: 'state', content: '' })).isError).toBe(true);
    expect(await readdir(root)).toEqual(['evil']);
    expect((await call('create_directory', { path: 'state/other' })).isError).toBe(false);
  });

  it('is refused as what it is, where its path leads through a link', async () => {
    const bench = await openWorkbench({
      env: (base) => {
        symlinkSync(join(base, 'root'), join(base, 'link'));
        return { XDG_STATE_HOME: join(base, 'link/state') };
      },
    });
    await mkdir(join(bench.root, 'state/drawbridge'), { recursive: true });
    await writeFile(join(bench.root, 'state/drawbridge/secret'), SECRET);
    expect(await answeredAt(bench, 'state/drawbridge/secret')).toEqual([]);
    expect((await bench.call('delete', { path: 'state' })).isError).toBe(true);
  });
});

describe('a settings file', () => {
  const places: [string, (bench: Workbench, path: string) => Promise<void>][] = [
    [
      'allowed for the user',
      (bench, path) => record(join(stateOf(bench), 'settings'), { path, text: SETTINGS }),
    ],
    [
      'allowed in a home on the list',
      async (bench, path) => {
        const home = join(bench.base, 'home');
        await record(join(stateOf(bench), 'homes'), { path: home });
        await record(join(home, 'settings'), { path, text: SETTINGS });
      },
    ],
    ['named by the bridge', async () => {}],
  ];

  it.each(places)('that is %s is read and never written', async (which, allow) => {
    const bench = await openWorkbench(
      which === 'named by the bridge'
        ? { readOnly: (base) => [join(base, 'root/app/mcp.config.json')] }
        : {},
    );
    const { call, root } = bench;
    const file = join(root, 'app/mcp.config.json');
    await mkdir(join(root, 'app/in'), { recursive: true });
    await writeFile(file, SETTINGS);
    await writeFile(join(root, 'new.json'), 'mine');
    await allow(bench, file);
    await symlink('app', join(root, 'way'));
    await symlink('app/mcp.config.json', join(root, 'end'));
    expect((await call('read_text', { path: 'app/mcp.config.json' })).text).toContain(SETTINGS);
    const paths = [
      'app/mcp.config.json',
      'app/in/../mcp.config.json',
      'app//mcp.config.json/',
      'app/MCP.Config.json',
      'way/mcp.config.json',
      file,
    ];
    for (const path of paths) {
      for (const [name, args] of [
        ['write', { path, content: 'mine' }],
        ['edit', { path, old_text: 'mcp', new_text: 'mine' }],
        ['delete', { path }],
        ['delete', { path, permanent: true }],
        ['move', { from: path, to: 'taken' }],
        ['move', { from: 'new.json', to: path }],
        ['copy', { from: 'new.json', to: path }],
        ['create_directory', { path }],
      ] as const) {
        const { isError, text } = await call(name, args);
        const content = await readFile(file, 'utf8');
        expect([name, path, content]).toEqual([name, path, SETTINGS]);
        expect([name, path, isError, text]).toContain(true);
      }
    }
    for (const name of ['write', 'edit']) {
      const args = { path: 'end', content: 'x', old_text: 'mcp', new_text: 'x' };
      const { content, ...edit } = args;
      const given = name === 'write' ? { path: 'end', content } : edit;
      expect((await call(name, given)).isError).toBe(true);
    }
    for (const permanent of [false, true]) {
      expect((await call('delete', { path: 'app', permanent })).isError).toBe(true);
    }
    expect((await call('move', { from: 'app', to: 'other' })).isError).toBe(true);
    expect(await readFile(file, 'utf8')).toBe(SETTINGS);
    expect((await call('write', { path: 'app/other.json', content: '' })).isError).toBe(false);
  });

  it('is not changed through another name that it has', async () => {
    const bench = await openWorkbench({ readOnly: (base) => [join(base, 'root/mcp.config.json')] });
    const { call, root } = bench;
    const file = join(root, 'mcp.config.json');
    await writeFile(file, SETTINGS);
    for (const [name, args] of [
      ['write', { path: 'hard', content: 'x' }],
      ['edit', { path: 'hard', old_text: 'mcp', new_text: 'x' }],
      ['move', { from: 'hard', to: 'moved' }],
      ['copy', { from: 'hard', to: 'copied' }],
      ['delete', { path: 'hard', permanent: true }],
      ['delete', { path: 'hard' }],
    ] as const) {
      await rm(join(root, 'hard'), { force: true });
      await link(file, join(root, 'hard'));
      expect([name, (await call(name, args)).isError]).toEqual([name, false]);
      expect([name, await readFile(file, 'utf8')]).toEqual([name, SETTINGS]);
    }
    await call('write', { path: 'moved', content: 'x' });
    await call('edit', { path: 'copied', old_text: 'mcp', new_text: 'x' });
    expect(await readFile(file, 'utf8')).toBe(SETTINGS);
    expect((await stat(file)).isFile()).toBe(true);
  });

  it('may be a folder, with all that is in it', async () => {
    const bench = await openWorkbench({ readOnly: (base) => [join(base, 'root/installed')] });
    const { call, root } = bench;
    await mkdir(join(root, 'installed/src'), { recursive: true });
    await writeFile(join(root, 'installed/src/main.js'), 'code');
    expect((await call('read_text', { path: 'installed/src/main.js' })).isError).toBe(false);
    for (const [name, args] of [
      ['write', { path: 'installed/src/main.js', content: 'x' }],
      ['write', { path: 'installed/new.js', content: 'x' }],
      ['edit', { path: 'installed/src/main.js', old_text: 'code', new_text: 'x' }],
      ['create_directory', { path: 'installed/src/new/er' }],
      ['delete', { path: 'installed/src' }],
      ['delete', { path: 'installed' }],
      ['move', { from: 'installed/src', to: 'src' }],
    ] as const) {
      expect([name, (await call(name, args)).isError]).toEqual([name, true]);
    }
    expect(await readdir(join(root, 'installed'))).toEqual(['src']);
    expect((await call('copy', { from: 'installed', to: 'copy' })).isError).toBe(false);
    expect((await call('write', { path: 'copy/src/main.js', content: 'x' })).isError).toBe(false);
  });
});

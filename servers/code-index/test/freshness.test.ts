import { rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openWorkbench, rowsOf } from './harness.ts';

const source = (name: string) => `export function ${name}(): number {\n  return 1;\n}\n`;

describe('an index', () => {
  it('has what was written before the question, and says how fresh it is', async () => {
    const { call, root, write } = await openWorkbench({ files: { 'a.ts': source('first') } });
    const before = await call('find_definition', { name: 'first' });
    expect(before.output['index']).toMatch(/^1 files, checked 20.*, no change pending$/);
    expect(before.text).toContain('[Index: 1 files');
    // The same size in the same moment: only the content tells.
    await write({ 'a.ts': source('other'), 'b/c.ts': source('third') });
    // On a busy machine the first answer may say that changes are pending.
    await expect
      .poll(async () => rowsOf(await call('find_definition', { name: 'first' }), 'symbols'))
      .toEqual([]);
    expect(rowsOf(await call('find_definition', { name: 'other' }), 'symbols')).toHaveLength(1);
    expect(rowsOf(await call('search_code', { query: 'third' }), 'hits')).toHaveLength(1);
    await rm(join(root, 'b'), { recursive: true });
    expect(rowsOf(await call('search_symbols', { query: 'third' }), 'symbols')).toEqual([]);
  }, 60_000);

  it('does not parse again what was only touched', async () => {
    const { call, root } = await openWorkbench({ files: { 'a.ts': source('first') } });
    await utimes(join(root, 'a.ts'), 1_000, 1_000);
    await call('index');
    const [before] = rowsOf(await call('status'), 'roots');
    await utimes(join(root, 'a.ts'), 2_000, 2_000);
    const [after] = rowsOf(await call('status'), 'roots');
    expect(after).toMatchObject({ files: 1, symbols: before?.['symbols'] });
  });

  it('leaves out what .gitignore does, binaries, minified and huge files, and counts them', async () => {
    const { call } = await openWorkbench({
      files: {
        '.gitignore': 'ignored/\n',
        'ignored/a.ts': source('ignored'),
        'node_modules/x/index.js': source('installed'),
        'a.ts': source('kept'),
        'data.ts': Buffer.from('const a = 1;\0binary'),
        'min.js': `var a=1;${'a(b);'.repeat(5_000)}`,
        'huge.ts': 'const a = 1;\n'.repeat(100_000),
        'image.png': 'x',
        'package-lock.json': '{}',
        'notes.md': '# How to water the ferns\n',
        'empty.ts': '',
      },
    });
    const [root] = rowsOf(await call('status'), 'roots');
    expect(root).toMatchObject({
      files: 3,
      parsed: 2,
      words_only: 1,
      left_out: { binary: 1, minified: 1, large: 1, generated: 2, other: 2 },
    });
    for (const name of ['ignored', 'installed']) {
      expect(rowsOf(await call('find_definition', { name }), 'symbols')).toEqual([]);
    }
    const [hit] = rowsOf(await call('search_code', { query: 'watering ferns' }), 'hits');
    expect(hit).toMatchObject({ path: 'notes.md', line: 1 });
  });

  it('is built once, however many ask at once', async () => {
    const files = Object.fromEntries(
      Array.from({ length: 60 }, (_, n) => [`f${n}.ts`, source(`name${n}`)]),
    );
    const { call } = await openWorkbench({ files });
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, n) => call('find_definition', { name: `name${n}` })),
    );
    for (const answer of answers) expect(rowsOf(answer, 'symbols')).toHaveLength(1);
    expect(rowsOf(await call('status'), 'roots')[0]).toMatchObject({ files: 60, symbols: 60 });
  });

  it('sends progress to who asks for it', async () => {
    const files = Object.fromEntries(
      Array.from({ length: 120 }, (_, n) => [`f${n}.ts`, source(`name${n}`)]),
    );
    const { client } = await openWorkbench({ files, era: 'legacy' });
    const heard: number[] = [];
    await client.callTool(
      { name: 'index', arguments: {} },
      { onprogress: ({ progress }) => heard.push(progress) },
    );
    expect(heard.length).toBeGreaterThan(0);
    expect(heard).toEqual(heard.toSorted((a, b) => a - b));
  });
});

describe('lists', () => {
  it('are paged, and a cursor belongs to its arguments', async () => {
    const text = Array.from({ length: 30 }, (_, n) => source(`item${n}`)).join('\n');
    const { call, write } = await openWorkbench({ files: { 'a.ts': text } });
    const seen: unknown[] = [];
    let cursor: string | undefined;
    do {
      const args = { query: 'item', limit: 7, ...(cursor !== undefined && { cursor }) };
      const answer = await call('search_symbols', args);
      seen.push(...rowsOf(answer, 'symbols').map(({ name }) => name));
      cursor = answer.output['next'] as string | undefined;
    } while (cursor !== undefined);
    expect(new Set(seen).size).toBe(30);
    const { output } = await call('search_symbols', { query: 'item', limit: 7 });
    const exact = await call('search_symbols', { query: 'Item1', exact: true, kind: 'function' });
    expect(rowsOf(exact, 'symbols').map(({ name }) => name)).toEqual(['item1']);
    const wrong = await call('search_symbols', { query: 'other', cursor: output['next'] });
    expect(wrong.text).toContain('cursor does not belong');
    await write({ 'b.ts': `${'item1();\n'.repeat(25)}` });
    const first = await call('find_references', { name: 'item1', limit: 10 });
    const second = await call('find_references', {
      name: 'item1',
      limit: 50,
      cursor: first.output['next'],
    });
    const all = [...rowsOf(first, 'references'), ...rowsOf(second, 'references')];
    expect(new Set(all.map((each) => `${each['path']}:${each['line']}`)).size).toBe(26);
  });

  it('take guessed names for arguments, and say the right one', async () => {
    const { call } = await openWorkbench();
    expect((await call('outline', { file: 'a.ts' })).text).toContain('use "path"');
    expect((await call('search_code', { question: 'x' })).text).toContain('use "query"');
    const wrong = await call('search_structure', { pattern: 'a', language: 'cobol' });
    expect(wrong.text).toContain('it must be one of typescript');
  });
});

it('reads a definition by its name, with lines around it', async () => {
  const { call, root } = await openWorkbench({
    files: {
      'a.py':
        'class A:\n    def run(self):\n        return 1\n\nclass B:\n    def run(self):\n        return 2\n',
    },
  });
  expect((await call('read_symbol', { name: 'run' })).text).toContain('defined 2 times');
  const { output, text } = await call('read_symbol', { name: 'B/run' });
  expect(output).toMatchObject({
    name: 'B/run',
    kind: 'method',
    line: 6,
    text: '    def run(self):\n        return 2',
  });
  expect(text).toContain('drawbridge-fence');
  expect((await call('read_symbol', { name: 'A.run', context: 1 })).output).toMatchObject({
    line: 1,
  });
  expect((await call('read_symbol', { name: 'nothing' })).text).toContain('search_symbols');
  await writeFile(join(root, 'a.py'), '\n\ndef run(): pass\n');
  expect((await call('read_symbol', { name: 'run' })).output).toMatchObject({ line: 3 });
});

import { chmod, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openWorkbench } from './harness.ts';

const SHOP = `import { tax } from './tax';

/** Adds it. */
@sealed
export class Shop {
  total(items: number[]): number {
    return tax(items.length);
  }

  close(): void {}
}

export const price = (n: number) => n * 2;
`;

async function openShop() {
  const bench = await openWorkbench({
    files: {
      'shop.ts': SHOP,
      'use.ts':
        'import { Shop, price } from "./shop";\nconst price2 = price(new Shop().total([]));\n// price in words\nconst text = "price";\n',
    },
  });
  const read = (path: string) => readFile(join(bench.root, path), 'utf8');
  return { ...bench, read };
}

describe('replace_symbol', () => {
  it('replaces a definition, and answers with the difference', async () => {
    const { call, read, root } = await openShop();
    await chmod(join(root, 'shop.ts'), 0o640);
    const content = 'total(items: number[]): number {\n    return items.length;\n  }';
    const dry = await call('replace_symbol', {
      path: 'shop.ts',
      name: 'Shop/total',
      content,
      dry_run: true,
    });
    expect(dry.output).toMatchObject({ written: false });
    expect(await read('shop.ts')).toBe(SHOP);
    const { output } = await call('replace_symbol', {
      path: 'shop.ts',
      name: 'Shop/total',
      content,
    });
    expect(output).toMatchObject({ written: true });
    expect(output['diff']).toContain('-    return tax(items.length);\n+    return items.length;');
    expect(await read('shop.ts')).toBe(SHOP.replace('tax(items.length)', 'items.length'));
    expect((await stat(join(root, 'shop.ts'))).mode & 0o777).toBe(0o640);
  });

  it('takes in what belongs to a definition, such as export and const', async () => {
    const { call, read } = await openShop();
    await call('replace_symbol', {
      path: 'shop.ts',
      name: 'price',
      content: 'export const price = 3;',
    });
    expect(await read('shop.ts')).toContain('}\n\nexport const price = 3;\n');
  });

  it('refuses a file that is not what the caller read', async () => {
    const { call, read, write } = await openShop();
    const { output } = await call('read_symbol', { name: 'Shop/close' });
    await write({ 'shop.ts': `// new\n${SHOP}` });
    const args = { path: 'shop.ts', name: 'Shop/close', content: 'close() {}' };
    const refused = await call('replace_symbol', { ...args, expected_hash: output['hash'] });
    expect(refused.text).toContain('is not what you read');
    // Without a hash the file is parsed anew, so lines that moved do no harm.
    await call('replace_symbol', args);
    expect(await read('shop.ts')).toBe(`// new\n${SHOP.replace('close(): void {}', 'close() {}')}`);
  });

  it('says what is not there, and when a change breaks the file', async () => {
    const { call } = await openShop();
    const missing = await call('replace_symbol', { path: 'shop.ts', name: 'Nope', content: '' });
    expect(missing.text).toContain('Shop/total (line 6)');
    const broken = await call('replace_symbol', {
      path: 'shop.ts',
      name: 'price',
      content: 'const = {',
      dry_run: true,
    });
    expect(broken.output['notes']).toContain('syntax error');
    const outside = await call('replace_symbol', { path: '../x.ts', name: 'a', content: '' });
    expect(outside.text).toContain('outside');
  });
});

describe('insert_at_symbol', () => {
  it('inserts with the indent of its neighbour', async () => {
    const { call, read } = await openShop();
    await call('insert_at_symbol', {
      path: 'shop.ts',
      name: 'Shop/close',
      position: 'before',
      content: 'open(): void {\n  this.close();\n}',
    });
    expect(await read('shop.ts')).toContain(
      '  open(): void {\n    this.close();\n  }\n\n  close(): void {}\n',
    );
    await call('insert_at_symbol', {
      path: 'shop.ts',
      name: 'price',
      position: 'after',
      content: 'export const last = 1;',
    });
    expect((await read('shop.ts')).endsWith('n * 2;\n\nexport const last = 1;\n')).toBe(true);
  });

  it('keeps the line ends of the file', async () => {
    const { call, read, write } = await openShop();
    await write({ 'crlf.py': 'def a():\r\n    pass\r\n' });
    await call('insert_at_symbol', {
      path: 'crlf.py',
      name: 'a',
      position: 'after',
      content: 'def b():\n    pass',
    });
    expect(await read('crlf.py')).toBe('def a():\r\n    pass\r\n\r\ndef b():\r\n    pass\r\n');
  });
});

describe('rename_symbol', () => {
  it('renames in all files of the language, but not in words', async () => {
    const { call, read } = await openShop();
    const dry = await call('rename_symbol', { name: 'price', new_name: 'cost', dry_run: true });
    expect(dry.output).toMatchObject({ files: ['shop.ts', 'use.ts'], replaced: 3, written: false });
    expect(dry.text).toContain('by name');
    expect(await read('use.ts')).toContain('price(new');
    const { output } = await call('rename_symbol', { name: 'price', new_name: 'cost' });
    expect(output).toMatchObject({ replaced: 3, written: true, by_name: true });
    expect(await read('use.ts')).toBe(
      'import { Shop, cost } from "./shop";\nconst price2 = cost(new Shop().total([]));\n// price in words\nconst text = "price";\n',
    );
    expect((await call('find_definition', { name: 'cost' })).output['symbols']).toHaveLength(1);
  });

  it.each([
    ['no name', '1x', 'is no name in typescript'],
    ['a word of the language', 'class', 'is no name in typescript'],
    ['a name in use', 'price2', 'is used already, at use.ts:2'],
    ['the old name', 'price', 'is the old one'],
    ['two names', 'a.b', 'is no name'],
    ['a line', 'a\nb', 'is no name'],
  ])('refuses %s', async (_what, wanted, said) => {
    const { call, read } = await openShop();
    const refused = await call('rename_symbol', { name: 'price', new_name: wanted });
    expect(refused.isError).toBe(true);
    expect(refused.text).toContain(said);
    expect(await read('shop.ts')).toBe(SHOP);
  });

  it('refuses a name of two things, unless both are meant', async () => {
    const { call, read, write } = await openShop();
    await write({ 'other.ts': 'export function price() {}\n' });
    const refused = await call('rename_symbol', { name: 'price', new_name: 'cost' });
    expect(refused.text).toContain('is defined 2 times');
    await call('rename_symbol', { name: 'price', new_name: 'cost', path: 'other.ts' });
    expect(await read('other.ts')).toContain('cost()');
    expect(await read('shop.ts')).toBe(SHOP);
  });
});

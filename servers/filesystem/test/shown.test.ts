// Names that a reader could take for something else are shown escaped, by everything that shows names.
import { mkdir, readlink, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fromShown, toShown } from '@drawbridge/paths';
import { openWorkbench } from './harness.ts';

const HIDDEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;
const NAMES = [
  'a\nb.txt',
  'esc\u001b[31m',
  'del\u007f',
  'c1\u0085x',
  'bidi\u202egnp.exe',
  'line\u2028x',
  '\u200bz',
];

describe('a path', () => {
  it.each([
    ...NAMES,
    '"quoted"',
    '"',
    String.raw`back\nslash`,
    'plain é 漢 name.txt',
    'lone\ud800',
    'tag\u{e0041}',
  ])('as it is shown names itself and no other: %j', (name) => {
    expect(fromShown(toShown(name))).toBe(name);
    expect(toShown(name)).not.toMatch(HIDDEN);
  });

  it('is shown as it is when there is nothing to hide', () => {
    for (const name of ['a b.txt', 'é', String.raw`a\nb`, 'say "hi"'])
      expect(toShown(name)).toBe(name);
    expect(toShown('a\nb')).toBe(String.raw`"a\nb"`);
  });
});

it.each(NAMES)(
  'the name %j is escaped in every answer, and taken back as it was shown',
  async (name) => {
    const { call, root, client } = await openWorkbench();
    await mkdir(join(root, 'in'));
    await writeFile(join(root, 'in', name), 'needle\n');
    const shown = toShown(`in/${name}`);
    const answers = await Promise.all([
      call('list', { path: 'in' }),
      call('tree'),
      call('find', { pattern: '*' }),
      call('grep', { pattern: 'needle' }),
      call('grep', { pattern: 'needle', files_only: true }),
      call('grep', { pattern: 'needle', path: shown }),
      call('info', { path: shown }),
      call('read_text', { path: shown }),
      call('read_many', { paths: [shown, `${name}/missing`] }),
      call('read_media', { path: shown }),
      call('edit', { path: shown, old_text: 'needle', new_text: 'x', dry_run: true }),
      call('edit', { path: shown, old_text: 'none', new_text: 'x' }),
      call('create_directory', { path: `new${name}` }),
      call('create_directory', { path: `in/${name}/below` }),
      call('copy', { from: shown, to: `copy of ${name}` }),
      call('write', { path: `in/no/${name}`, content: '' }),
      call('list', { path: `none${name}` }),
      call('tree', { path: `../${name}` }),
    ]);
    for (const { text, output } of answers) {
      expect(text.replaceAll(/[\n\t]/g, '')).not.toMatch(HIDDEN);
      const content = JSON.stringify(output, (key, value: unknown) =>
        ['content', 'text', 'diff', 'error'].includes(key) ? '' : value,
      );
      expect(content.replaceAll(/\\{2}/g, '')).not.toMatch(
        /\\[nrtbfu]|[\u007f-\u009f\u202e\u2028\u200b]/,
      );
    }
    expect(answers[2]?.output).toMatchObject({ total: 1, paths: [shown] });
    expect(answers[3]?.output).toMatchObject({
      matches: [{ path: shown, line: 1, text: 'needle' }],
    });
    expect(answers[10]?.text).toContain(`--- ${shown}\n+++ ${shown}\n`);
    const { resources } = await client.listResources();
    expect(resources.map((resource) => resource.name)).toContain(shown);
    for (const resource of resources) expect(JSON.stringify(resource)).not.toMatch(HIDDEN);
    const moved = await call('move', { from: shown, to: `in/moved${name}` });
    const { output } = await call('delete', { path: moved.output['to'] });
    expect((await call('move', { from: output['trash'], to: 'back' })).isError).toBe(false);
  },
);

it('two files whose names look alike are told apart', async () => {
  const { call, root } = await openWorkbench();
  await writeFile(join(root, 'a\nb'), 'newline');
  await writeFile(join(root, String.raw`a\nb`), 'backslash');
  await writeFile(join(root, String.raw`"a\nb"`), 'quotes');
  const { output } = await call('find', { pattern: '*' });
  const paths = output['paths'] as string[]; // as the schema says
  expect(new Set(paths).size).toBe(3);
  const contents = [];
  for (const path of paths) contents.push((await call('read_text', { path })).output['content']);
  expect(contents.sort()).toEqual(['backslash', 'newline', 'quotes']);
});

it('the target of a link is escaped', async () => {
  const { call, root } = await openWorkbench();
  await symlink('to\u202ehere', join(root, 'link'));
  expect(await readlink(join(root, 'link'))).toBe('to\u202ehere');
  expect((await call('info', { path: 'link' })).text).not.toMatch(/\u202e/);
});

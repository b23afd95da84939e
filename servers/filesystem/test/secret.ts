// A root beside a folder that holds a secret, and every call that could reach for it.
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { openWorkbench, type Workbench } from './harness.ts';

export const SECRET = 'the secret';

/** A root beside a folder with a secret in it. */
export async function openBesideSecret(): Promise<Workbench & { outside: string }> {
  const bench = await openWorkbench();
  const outside = join(bench.base, 'outside');
  await mkdir(outside);
  await writeFile(join(outside, 'secret.txt'), SECRET);
  await mkdir(join(bench.root, 'in'));
  await writeFile(join(bench.root, 'in/a.txt'), 'inside');
  return { ...bench, outside };
}

/** Every tool that takes a path, aimed at `path`. */
export function callsAt(path: string): [string, Record<string, unknown>][] {
  return [
    ['read_text', { path }],
    ['read_media', { path }],
    ['write', { path, content: 'overwritten' }],
    ['edit', { path, old_text: 'secret', new_text: 'overwritten' }],
    ['create_directory', { path: `${path}/new` }],
    ['list', { path }],
    ['tree', { path }],
    ['find', { path, pattern: '*' }],
    ['grep', { path, pattern: '.' }],
    ['move', { from: path, to: 'stolen' }],
    ['copy', { from: path, to: 'stolen' }],
    ['move', { from: 'in/a.txt', to: `${path}.new` }],
    ['copy', { from: 'in/a.txt', to: `${path}.new` }],
    ['delete', { path }],
    ['delete', { path, permanent: true }],
    ['info', { path }],
  ];
}

/** The calls at `path` that were answered, or told what they may not. */
export async function answeredAt({ call }: Workbench, path: string): Promise<string[]> {
  const answered: string[] = [];
  for (const [name, args] of [...callsAt(path), ['read_many', { paths: [path] }] as const]) {
    const { isError, text } = await call(name, args);
    const refused = isError || name === 'read_many';
    if (!refused || text.includes(SECRET))
      answered.push(`${name} ${JSON.stringify(args)}: ${text}`);
  }
  return answered;
}

export async function expectUntouched(outside: string): Promise<void> {
  expect(await readdir(outside)).toEqual(['secret.txt']);
  expect(await readFile(join(outside, 'secret.txt'), 'utf8')).toBe(SECRET);
}

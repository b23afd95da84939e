// `map`: what a repository is made of, from its tracked files: languages, entry points, folders.
import { createFence, defineTool, type Tool } from '@drawbridge/kit';
import { assertRevision } from '@drawbridge/git-runner';
import { toShown } from '@drawbridge/paths';
import { z } from 'zod';
import { aliases, pathText, refText, repoText } from '../arguments.ts';
import type { Deps } from '../deps.ts';
import { isEntryPoint, toLanguage } from '../languages.ts';
import { resolveCommit, toPathspecs } from '../repository.ts';
import { rowsOf } from '../shapes.ts';

const MAX_FILES = 500_000;
const MAX_LISTED = { languages: 20, entries: 60, folders: 300 };
const MAX_DEPTH = 8;

interface Count {
  files: number;
  bytes: number;
}

class Counts {
  readonly #counts = new Map<string, Count>();
  add(key: string, bytes: number): void {
    const count = this.#counts.get(key);
    if (count === undefined) this.#counts.set(key, { files: 1, bytes });
    else {
      count.files += 1;
      count.bytes += bytes;
    }
  }
  list(): [string, Count][] {
    return [...this.#counts];
  }
}

/** Folders of `path` down to `depth` below `top`. */
function foldersOf(path: string, top: string, depth: number): string[] {
  const start = top === '' ? 0 : top.length + 1;
  const names = path.slice(start).split('/').slice(0, -1).slice(0, depth);
  return names.map((_, index) =>
    [...(top === '' ? [] : [top]), ...names.slice(0, index + 1)].join('/'),
  );
}

export function map({ withRepository }: Deps): Tool {
  return defineTool({
    name: 'map',
    title: 'Map',
    description: 'Languages, entry points and folders of a commit.',
    effect: 'read',
    aliases: { ...aliases, path: 'path' },
    input: z.strictObject({
      repo: repoText,
      path: pathText.optional(),
      ref: refText.default('HEAD'),
      depth: z
        .int()
        .refine((depth) => depth >= 1 && depth <= MAX_DEPTH, `1 to ${MAX_DEPTH}`)
        .default(2),
    }),
    output: z.object({
      files: z.int(),
      bytes: z.int(),
      languages: rowsOf('name, files, bytes'),
      entry_points: z.array(z.string()),
      folders: rowsOf('path, files'),
      submodules: z.int().optional(),
      cut: z.boolean().optional(),
    }),
    run: ({ repo, path, ref, depth }, context) =>
      withRepository({ repo, effect: 'read', context }, async (repository) => {
        const hash = await resolveCommit(repository, assertRevision(ref));
        const pathspecs = toPathspecs(repository, path === undefined ? [] : [path]);
        const top = pathspecs[0] === undefined || pathspecs[0] === '.' ? '' : pathspecs[0];
        const [languages, folders, total] = [new Counts(), new Counts(), new Counts()];
        const entryPoints: string[] = [];
        let [submodules, seen] = [0, 0];
        let rest = '';
        const take = (piece: Buffer): boolean => {
          const records = (rest + piece.toString('latin1')).split('\0');
          rest = records.pop() ?? '';
          for (const record of records) {
            const at = record.indexOf('\t');
            const file = Buffer.from(record.slice(at + 1), 'latin1').toString();
            if (record.startsWith('160000')) submodules += 1;
            const bytes = Number(/ +(\d+)$/.exec(record.slice(0, at))?.[1] ?? 0);
            const name = file.slice(file.lastIndexOf('/') + 1);
            total.add('', bytes);
            const language = toLanguage(name);
            if (language !== undefined) languages.add(language, bytes);
            if (isEntryPoint(name)) entryPoints.push(file);
            for (const folder of foldersOf(file, top, depth)) folders.add(folder, bytes);
          }
          return (seen += records.length) < MAX_FILES;
        };
        const { cut } = await repository.run(
          ['ls-tree', '-r', '-l', '-z', '--full-tree', hash, '--', ...(top === '' ? [] : [top])],
          { take },
        );
        const [, { files, bytes } = { files: 0, bytes: 0 }] = total.list()[0] ?? [];
        const byDepth = (a: string, b: string): number =>
          a.split('/').length - b.split('/').length || (a < b ? -1 : 1);
        const output = {
          files,
          bytes,
          languages: languages
            .list()
            .map(([name, count]) => ({ name, ...count }))
            .sort((a, b) => b.bytes - a.bytes)
            .slice(0, MAX_LISTED.languages),
          entry_points: entryPoints.sort(byDepth).slice(0, MAX_LISTED.entries).map(toShown),
          folders: folders
            .list()
            .sort((a, b) => b[1].files - a[1].files)
            .slice(0, MAX_LISTED.folders)
            .sort(([a], [b]) => (a < b ? -1 : 1))
            .map(([folder, count]) => ({ path: toShown(folder), files: count.files })),
          ...(submodules > 0 && { submodules }),
          ...((cut || folders.list().length > MAX_LISTED.folders) && { cut: true }),
        };
        const text = [
          `${files} files, ${bytes} bytes`,
          ...output.languages.map(
            (each) => `${each.name}: ${each.files} files, ${each.bytes} bytes`,
          ),
          'Entry points:',
          ...output.entry_points,
          'Folders:',
          ...output.folders.map((each) => `${each.path}/ ${each.files} files`),
        ];
        return { output, text: createFence().wrap(text.join('\n')) };
      }),
  });
}

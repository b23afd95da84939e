// `rename_symbol`: a name where it stands as a name, in all files of its language. By name: nothing
// here knows which of two things of one name is meant, so a name that is defined twice is refused
// unless all of them are wanted.
import { join } from 'node:path';
import { ToolError, createFence, defineTool, limitText, type Tool } from '@drawbridge/kit';
import { quoted, toShown } from '@drawbridge/paths';
import { z } from 'zod';
import { nameText, pathText } from '../arguments.ts';
import { withScopes, type Deps } from '../deps.ts';
import { editFile, type EditedFile } from '../edit-file.ts';
import { findCandidates, parseOccurrences, type FileOccurrences } from '../find-occurrences.ts';
import { languageNamed } from '../languages.ts';
import { isReserved } from '../reserved-words.ts';
import { toNamePath } from '../symbol.ts';

const MAX_FILES = 2_000;
const MAX_DIFF = 96 * 1024;
const MAX_LISTED = 20;
const FULLY_FRESH_MS = 60_000;

interface Renaming {
  name: string;
  new_name: string;
  everywhere: boolean;
}

function definitionsOf(files: readonly FileOccurrences[], name: string) {
  return files.flatMap(({ candidate, symbols }) =>
    symbols
      .filter((symbol) => symbol.name === name)
      .map((symbol) => `${toShown(toNamePath(symbol))} in ${candidate.path}:${symbol.startLine}`),
  );
}

function assertClear(files: readonly FileOccurrences[], { name, everywhere }: Renaming): void {
  const definitions = definitionsOf(files, name);
  if (definitions.length === 0) {
    throw new ToolError(`${quoted(toShown(name))} is not defined here.`, {
      hint: 'search_symbols, for names like it',
    });
  }
  if (definitions.length > 1 && !everywhere) {
    throw new ToolError(`${quoted(toShown(name))} is defined ${definitions.length} times.`, {
      allowed: definitions.slice(0, MAX_LISTED).join(', '),
      hint: 'a path that holds only one, or everywhere: true to rename all of them',
    });
  }
}

function assertName(name: string, wanted: string, languages: ReadonlySet<string>): void {
  for (const each of languages) {
    const language = languageNamed(each);
    if (language === undefined) continue;
    if (!language.identifier.test(wanted) || isReserved(language.family, wanted)) {
      throw new ToolError(`${quoted(toShown(wanted))} is no name in ${language.name}.`, {
        allowed: 'a name that the language can have, and no word of its own',
      });
    }
  }
  if (name === wanted) throw new ToolError('The new name is the old one.');
}

export function renameSymbol(deps: Deps): Tool {
  return defineTool({
    name: 'rename_symbol',
    title: 'Rename a definition',
    description: 'Renames a definition and its uses, by name. Try dry_run first.',
    effect: 'destructive',
    input: z.strictObject({
      name: nameText,
      new_name: nameText,
      path: pathText.optional(),
      everywhere: z.boolean().default(false),
      dry_run: z.boolean().default(false),
    }),
    output: z.object({
      files: z.array(z.string()),
      replaced: z.int(),
      written: z.boolean(),
      by_name: z.boolean(),
      diff: z.string(),
      failed: z.array(z.string()).optional(),
      index: z.string(),
    }),
    run: (args, context) =>
      withScopes(deps, context, { path: args.path, most: FULLY_FRESH_MS }, async (inScopes) => {
        const { guard, scopes, index } = inScopes;
        const { signal } = context;
        const { name, new_name: wanted, dry_run: dryRun } = args;
        const own = await findCandidates(scopes, guard, { name });
        const defining = await parseOccurrences(deps, own, { guard, name, signal });
        const parsed = defining.flatMap((each) => each ?? []);
        assertClear(parsed, args);
        const families = new Set(
          parsed
            .filter(({ symbols }) => symbols.some((symbol) => symbol.name === name))
            .map(({ candidate }) => languageNamed(candidate.file.language)?.family),
        );
        const files = parsed.filter(
          ({ candidate, occurrences }) =>
            occurrences.length > 0 && families.has(languageNamed(candidate.file.language)?.family),
        );
        assertName(name, wanted, new Set(files.map(({ candidate }) => candidate.file.language)));
        if (files.length > MAX_FILES) {
          throw new ToolError(`${quoted(toShown(name))} stands in ${files.length} files.`, {
            allowed: `${MAX_FILES} files at once`,
            hint: 'a narrower path',
          });
        }
        const affected = new Set(files.map(({ candidate }) => candidate.path));
        const others = (await findCandidates(scopes, guard, { name: wanted })).filter(({ path }) =>
          affected.has(path),
        );
        const clashes = (
          await parseOccurrences(deps, others, { guard, name: wanted, signal })
        ).flatMap((each) => (each !== undefined && each.occurrences.length > 0 ? each : []));
        const [clash] = clashes;
        if (clash !== undefined) {
          const at = `${clash.candidate.path}:${clash.occurrences[0]?.line ?? 1}`;
          throw new ToolError(`${quoted(toShown(wanted))} is used already, at ${at}.`, {
            hint: 'another name',
          });
        }
        let replaced = 0;
        const done: EditedFile[] = [];
        const failed: string[] = [];
        for (const { candidate } of files) {
          const { scope, file, path } = candidate;
          let count = 0;
          try {
            const edited = await editFile(deps, {
              guard,
              path: join(scope.real, file.path),
              dryRun,
              signal,
              async toChanges(text) {
                const task = { kind: 'occurrences', language: file.language, text, name } as const;
                const { occurrences } = await deps.pool.run(task, signal);
                count = occurrences.length;
                return occurrences.map(({ start, end }) => ({ start, end, replacement: wanted }));
              },
            });
            done.push(edited);
            replaced += count;
          } catch (error) {
            // With some files written, the caller has to know which.
            if (done.length === 0 || !(error instanceof ToolError)) throw error;
            failed.push(`${path}: ${error.message}`);
          }
        }
        const { text: diff, cut } = limitText(done.map((each) => each.diff).join(''), MAX_DIFF);
        const notes = [
          'by name: nothing else is known of what each refers to',
          ...failed.map((each) => `not renamed: ${each}`),
          ...(cut ? ['the difference is cut here'] : []),
        ];
        return {
          output: {
            files: done.map(({ path }) => path),
            replaced,
            written: !dryRun,
            by_name: true,
            diff,
            ...(failed.length > 0 && { failed }),
            index,
          },
          text: [
            `${dryRun ? 'Would rename' : 'Renamed'} ${replaced} places in ${done.length} files`,
            createFence().wrap(diff),
            ...notes.map((note) => `[${note}]`),
            `[Index: ${index}]`,
          ].join('\n'),
        };
      }),
  });
}

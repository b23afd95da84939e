// `replace_symbol` and `insert_at_symbol`: one definition is replaced, or something is put beside it.
import { createFence, defineTool, type Tool } from '@drawbridge/kit';
import type { Change } from '@drawbridge/paths';
import { z } from 'zod';
import { codeText, hashText, lineNumber, nameText, pathText } from '../arguments.ts';
import type { Deps } from '../deps.ts';
import { editFile, type EditedFile } from '../edit-file.ts';
import { locateSymbol } from '../locate-symbol.ts';

const output = z.object({
  path: z.string(),
  written: z.boolean(),
  diff: z.string(),
  hash: z.string(),
  notes: z.string().optional(),
});

const input = {
  path: pathText,
  name: nameText,
  content: codeText,
  line: lineNumber.optional(),
  dry_run: z.boolean().default(false),
  expected_hash: hashText.optional(),
};

function toAnswer(edited: EditedFile) {
  const { path, written, diff, notes } = edited;
  const lines = [
    `${written ? 'Changed' : 'Not written:'} ${path}`,
    createFence().wrap(diff),
    ...notes.map((note) => `[${note}]`),
    `[Hash of the file: ${edited.hash}]`,
  ];
  const { hash } = edited;
  const said = notes.length === 0 ? {} : { notes: notes.join('; ') };
  return { output: { path, written, diff, hash, ...said }, text: lines.join('\n') };
}

/** `content` with the line ends of `text`, and none at its end. */
function fit(content: string, text: string): string {
  const lines = content.replace(/(?:\r?\n)+$/, '').replaceAll('\r\n', '\n');
  return text.includes('\r\n') ? lines.replaceAll('\n', '\r\n') : lines;
}

/** `content` with the indent of the line at `start`, unless it has one of its own. */
function indented(content: string, text: string, start: number): string {
  const line = text.slice(text.lastIndexOf('\n', start - 1) + 1, start);
  if (!/^[ \t]+$/.test(line) || /^[ \t]/.test(content)) return content;
  return content.replaceAll(/\n(?=[^\r\n])/g, `\n${line}`);
}

export function replaceSymbol(deps: Deps): Tool {
  return defineTool({
    name: 'replace_symbol',
    title: 'Replace a definition',
    description: 'Replaces one whole definition; comments above it stay.',
    effect: 'destructive',
    input: z.strictObject(input),
    output,
    run: (args, context) =>
      deps.indexes.withGuard(context, async (guard) =>
        toAnswer(
          await editFile(deps, {
            guard,
            path: args.path,
            dryRun: args.dry_run,
            expectedHash: args.expected_hash,
            signal: context.signal,
            toChanges(text, { symbols }, shown): Change[] {
              const { name, line, content } = args;
              const { start, end } = locateSymbol(symbols, { name, line, shown });
              // Where the definition is indented, content may be given from its first letter.
              const own = fit(content, text);
              return [{ start, end, replacement: own.replace(/^[ \t]+/, '') }];
            },
          }),
        ),
      ),
  });
}

export function insertAtSymbol(deps: Deps): Tool {
  return defineTool({
    name: 'insert_at_symbol',
    title: 'Insert code',
    description: 'Inserts code before or after a definition.',
    effect: 'destructive',
    input: z.strictObject({ ...input, position: z.enum(['before', 'after']) }),
    output,
    run: (args, context) =>
      deps.indexes.withGuard(context, async (guard) =>
        toAnswer(
          await editFile(deps, {
            guard,
            path: args.path,
            dryRun: args.dry_run,
            expectedHash: args.expected_hash,
            signal: context.signal,
            toChanges(text, { symbols }, shown): Change[] {
              const { name, line, content, position } = args;
              const { start, end } = locateSymbol(symbols, { name, line, shown });
              const newline = text.includes('\r\n') ? '\r\n' : '\n';
              const own = fit(content, text);
              const lineStart = text.lastIndexOf('\n', start - 1) + 1;
              const indent = /^[ \t]*/.exec(text.slice(lineStart, start))?.[0] ?? '';
              const first = /^[ \t]/.test(own) ? '' : indent;
              const body = first + indented(own, text, start);
              if (position === 'before') {
                const replacement = `${body}${newline}${newline}`;
                return [{ start: lineStart, end: lineStart, replacement }];
              }
              const lineEnd = text.indexOf('\n', end);
              const at = lineEnd < 0 ? text.length : lineEnd + 1;
              const missing = lineEnd < 0 ? newline : '';
              const replacement = `${missing}${newline}${body}${newline}`;
              return [{ start: at, end: at, replacement }];
            },
          }),
        ),
      ),
  });
}

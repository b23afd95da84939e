// `read_symbol`: the text of one definition, with lines around it, and the hash that an edit may name.
import { basename, join } from 'node:path';
import { ToolError, createFence, defineTool, type Tool } from '@drawbridge/kit';
import { hashOf, quoted, toShown } from '@drawbridge/paths';
import { z } from 'zod';
import { toNumbered } from '../answer-text.ts';
import { countUpTo, lineNumber, nameText, pathText } from '../arguments.ts';
import { withScopes, type Deps } from '../deps.ts';
import { findDefinitions } from '../find-symbols.ts';
import { locateSymbol, parseText } from '../locate-symbol.ts';
import { readIndexed } from '../source-files.ts';
import { toNamePath } from '../symbol.ts';

const MAX_TEXT = 120_000;
const MAX_LISTED = 20;

export function readSymbol(deps: Deps): Tool {
  return defineTool({
    name: 'read_symbol',
    title: 'Read a definition',
    description: 'The whole text of one definition.',
    effect: 'read',
    input: z.strictObject({
      name: nameText,
      path: pathText.optional(),
      line: lineNumber.optional(),
      context: countUpTo(200).default(0),
    }),
    output: z.object({
      name: z.string(),
      kind: z.string(),
      path: z.string(),
      line: z.int(),
      end_line: z.int(),
      text: z.string(),
      hash: z.string(),
      index: z.string(),
    }),
    aliases: { symbol: 'name' },
    run: (args, context) =>
      withScopes(deps, context, { path: args.path }, async ({ guard, scopes, index }) => {
        const found = await findDefinitions(scopes, guard, args.name);
        const files = new Map(found.map((each) => [each.path, each]));
        const [first] = files.values();
        if (first === undefined) {
          throw new ToolError(`${quoted(toShown(args.name))} is not defined here.`, {
            hint: 'search_symbols, for names like it',
          });
        }
        if (files.size > 1) {
          const all = [...files.keys()].slice(0, MAX_LISTED).join(', ');
          throw new ToolError(`${quoted(toShown(args.name))} is defined in ${files.size} files.`, {
            allowed: all,
            hint: 'path, to choose one',
          });
        }
        const { scope, row, path } = first;
        const text = await readIndexed(guard, scope, row.path);
        if (text === undefined) throw new ToolError(`${quoted(path)} can no longer be read.`);
        const input = { path: basename(join(scope.real, row.path)), shown: path, text };
        const { symbols } = await parseText(deps, input, context.signal);
        const symbol = locateSymbol(symbols, { name: args.name, line: args.line, shown: path });
        const lines = text.split('\n');
        const from = Math.max(symbol.startLine - args.context, 1);
        const to = Math.min(symbol.endLine + args.context, lines.length);
        const shown = lines
          .slice(from - 1, to)
          .join('\n')
          .slice(0, MAX_TEXT);
        const name = toNamePath(symbol);
        const head = `${path}:${symbol.startLine}-${symbol.endLine} ${symbol.kind} ${name}`;
        return {
          output: {
            name,
            kind: symbol.kind,
            path,
            line: from,
            end_line: to,
            text: shown,
            hash: hashOf(text),
            index,
          },
          text: `${createFence().wrap(`${head}\n${toNumbered(shown, from)}`)}\n[Hash of the file: ${hashOf(text)}]\n[Index: ${index}]`,
          rest: 'Read the file itself, by lines.',
        };
      }),
  });
}

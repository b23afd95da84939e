// `search_symbols` and `find_definition`: definitions by name, near or exact.
import { defineTool, toPage, type Tool } from '@drawbridge/kit';
import { z } from 'zod';
import { toAnswerText } from '../answer-text.ts';
import { countUpTo, cursorText, nameText, pathText, rowsWith } from '../arguments.ts';
import { withScopes, type Deps } from '../deps.ts';
import {
  describeSymbol,
  findDefinitions,
  searchSymbols as search,
  toSymbolLine,
  type FoundSymbol,
} from '../find-symbols.ts';

const MOST = 2_000;

const output = z.object({
  symbols: rowsWith('name, kind, path, line, end_line, signature'),
  next: z.string().optional(),
  index: z.string(),
});

interface Listing {
  limit: number;
  cursor: string | undefined;
  scope: unknown;
  index: string;
}

function toAnswer(found: readonly FoundSymbol[], { limit, cursor, scope, index }: Listing) {
  const sizeOf = ({ path, row }: FoundSymbol) => path.length + row.signature.length + 100;
  const { items, next } = toPage(found, { cursor, limit, scope, sizeOf });
  return {
    output: { symbols: items.map(describeSymbol), ...(next !== undefined && { next }), index },
    text: toAnswerText({ content: items.map(toSymbolLine), next, index }),
  };
}

export function searchSymbols(deps: Deps): Tool {
  return defineTool({
    name: 'search_symbols',
    title: 'Search definitions',
    description: 'Definitions with a name like the query, the nearest first.',
    effect: 'read',
    input: z.strictObject({
      query: nameText,
      kind: nameText.optional(),
      path: pathText.optional(),
      exact: z.boolean().default(false),
      limit: countUpTo(500, 1).default(50),
      cursor: cursorText.optional(),
    }),
    output,
    aliases: { name: 'query', pattern: 'query', symbol: 'query' },
    run: ({ limit, cursor, ...args }, context) =>
      withScopes(deps, context, { path: args.path }, async ({ guard, scopes, index }) => {
        const found = await search(scopes, guard, { ...args, most: MOST });
        return toAnswer(found, { limit, cursor, scope: args, index });
      }),
  });
}

export function findDefinition(deps: Deps): Tool {
  return defineTool({
    name: 'find_definition',
    title: 'Find a definition',
    description: 'Where a name is defined.',
    effect: 'read',
    input: z.strictObject({
      name: nameText,
      path: pathText.optional(),
      limit: countUpTo(500, 1).default(50),
      cursor: cursorText.optional(),
    }),
    output,
    aliases: { symbol: 'name', query: 'name' },
    run: ({ limit, cursor, ...args }, context) =>
      withScopes(deps, context, { path: args.path }, async ({ guard, scopes, index }) => {
        const found = await findDefinitions(scopes, guard, args.name);
        return toAnswer(found, { limit, cursor, scope: args, index });
      }),
  });
}

// `search_symbols` and `find_definition`: definitions by name, near or exact.
import { defineTool, toPage, type Tool } from '@drawbridge/kit';
import { z } from 'zod';
import { toAnswerText } from '../answer-text.ts';
import { cursorText, nameText, pathText } from '../arguments.ts';
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
  symbols: z.array(
    z.object({
      name: z.string(),
      kind: z.string(),
      path: z.string(),
      line: z.int(),
      end_line: z.int(),
      signature: z.string(),
    }),
  ),
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
    description: 'Definitions whose name is near the query: whole, beginning, part, then letters.',
    effect: 'read',
    input: z.strictObject({
      query: nameText.describe('a name, or Class/method'),
      kind: nameText.optional().describe('such as function, class'),
      path: pathText.optional(),
      exact: z.boolean().default(false),
      limit: z.int().min(1).max(500).default(50),
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
      name: nameText.describe('or Class/method'),
      path: pathText.optional(),
      limit: z.int().min(1).max(500).default(50),
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

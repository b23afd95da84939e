// The code index server: its tools, and what they share. Nothing is opened or started before a call.
import { defineServer, type ServerDefinition } from '@drawbridge/kit';
import { createLocks, createRipgrep } from '@drawbridge/paths';
import type { Deps } from './deps.ts';
import { createIndexes } from './indexes.ts';
import { createParserPool } from './parser-pool.ts';
import { insertAtSymbol, replaceSymbol } from './tools/edit-symbol.ts';
import { findReferences } from './tools/find-references.ts';
import { indexFiles } from './tools/index-files.ts';
import { outline } from './tools/outline.ts';
import { readSymbol } from './tools/read-symbol.ts';
import { renameSymbol } from './tools/rename-symbol.ts';
import { searchCode } from './tools/search-code.ts';
import { searchStructure } from './tools/search-structure.ts';
import { findDefinition, searchSymbols } from './tools/search-symbols.ts';
import { searchText } from './tools/search-text.ts';
import { status } from './tools/status.ts';
import { summary } from './tools/summary.ts';

const tools = [
  indexFiles,
  status,
  searchText,
  searchSymbols,
  findDefinition,
  findReferences,
  outline,
  searchStructure,
  searchCode,
  readSymbol,
  summary,
  replaceSymbol,
  insertAtSymbol,
  renameSymbol,
];

/** `env` names the state folder, Drawbridge's homes, and the model and vector store, if any. */
export function createDefinition(env: NodeJS.ProcessEnv): ServerDefinition {
  const ripgrep = createRipgrep();
  const pool = createParserPool();
  const indexes = createIndexes({ env, ripgrep, pool });
  const deps: Deps = { indexes, pool, ripgrep, locks: createLocks() };
  return defineServer({
    name: 'code-index',
    title: 'Code index',
    version: '0.1.0',
    instructions:
      'Finds code by name, by words, by shape and by text, and changes it by definition. The index builds and ' +
      'refreshes itself; each answer says how fresh it is. Names are Class/method or plain. Begin with summary ' +
      'or search_code; references and renames are by name.',
    tools: tools.map((create) => create(deps)),
  });
}

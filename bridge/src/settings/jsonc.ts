// Loads jsonc-parser through `require`. Its ES build has imports that Node does not resolve, and a bundler
// does not see what its UMD build requires.
import { createRequire } from 'node:module';
import type * as JsoncParser from 'jsonc-parser';

// `require` knows no types; the package's own declarations describe what it returns.
const library = createRequire(import.meta.url)('jsonc-parser') as typeof JsoncParser;

export const {
  applyEdits,
  createScanner,
  findNodeAtLocation,
  modify,
  parse,
  parseTree,
  printParseErrorCode,
} = library;

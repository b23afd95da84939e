// What the worker is asked, and what it answers.
import type { CodeChunk } from './extract-chunks.ts';
import type { CodeSymbol } from './symbol.ts';

export interface ParsedFile {
  symbols: CodeSymbol[];
  imports: string[];
  chunks: CodeChunk[];
  broken: boolean;
}

/** A name where it stands as a name, and not in a comment or a string. */
export interface Occurrence {
  start: number;
  end: number;
  line: number;
  column: number;
  text: string;
  definition: boolean;
}

export interface ParsedOccurrences {
  occurrences: Occurrence[];
  symbols: CodeSymbol[];
  broken: boolean;
}

export interface PatternMatch {
  startLine: number;
  endLine: number;
  text: string;
  captures: Record<string, string>;
}

/** `language` is the name of one; without it, text is only cut. */
export type ParseTask =
  | { kind: 'index'; language: string | undefined; text: string }
  | { kind: 'symbols'; language: string; text: string }
  | { kind: 'occurrences'; language: string; text: string; name: string }
  | { kind: 'pattern'; language: string; text: string; pattern: string; most: number };

export interface ParseResults {
  index: ParsedFile;
  symbols: { symbols: CodeSymbol[]; broken: boolean };
  occurrences: ParsedOccurrences;
  pattern: { matches: PatternMatch[] };
}

/** `ready` is said once, before any task; `wrong` is for the caller to read; `defect` is not. */
export type ParseAnswer =
  | { ready: true }
  | { result: ParseResults[ParseTask['kind']] }
  | { wrong: string }
  | { defect: string };

// One definition in one file, parsed anew, so that lines and offsets are those of the file as it is.
import { ToolError, type CallContext } from '@drawbridge/kit';
import { quoted, toShown } from '@drawbridge/paths';
import type { Deps } from './deps.ts';
import { hasAround, parseNamePath } from './find-symbols.ts';
import { LANGUAGES, languageOf, type Language } from './languages.ts';
import { ParseFailure } from './parser-pool.ts';
import { toNamePath, type CodeSymbol } from './symbol.ts';

export interface ParsedText {
  language: Language;
  symbols: CodeSymbol[];
  broken: boolean;
}

/** @throws ToolError when there is no parser for the file, or it does not get through. */
export async function parseText(
  { pool }: Pick<Deps, 'pool'>,
  { path, shown, text }: { path: string; shown: string; text: string },
  signal: CallContext['signal'],
): Promise<ParsedText> {
  const language = languageOf(path);
  if (language === undefined) {
    throw new ToolError(`${quoted(shown)} is in no language that is parsed.`, {
      allowed: LANGUAGES.map(({ name }) => name).join(', '),
    });
  }
  try {
    const parsed = await pool.run({ kind: 'symbols', language: language.name, text }, signal);
    return { language, ...parsed };
  } catch (error) {
    if (!(error instanceof ParseFailure)) throw error;
    throw new ToolError(`${quoted(shown)} could not be parsed (${error.reason}).`, {
      hint: 'search_text, which needs no parser',
      cause: error,
    });
  }
}

const MAX_LISTED = 20;

function listOf(symbols: readonly CodeSymbol[]): string {
  return symbols
    .slice(0, MAX_LISTED)
    .map((each) => `${toShown(toNamePath(each))} (line ${each.startLine})`)
    .join(', ');
}

/** @throws ToolError when there is none, or more than one. */
export function locateSymbol(
  symbols: readonly CodeSymbol[],
  { name: given, line, shown }: { name: string; line?: number | undefined; shown: string },
): CodeSymbol {
  const { name, around } = parseNamePath(given);
  const same = symbols.filter(
    (each) => (each.name === name && hasAround(each, around)) || toNamePath(each) === given,
  );
  // What is named from the top is meant before what lies in something else.
  const top = same.filter(({ container }) => around.length === 0 && container === '');
  const named = line === undefined && top.length === 1 ? top : same;
  const at = named.filter(
    ({ startLine, endLine }) => line === undefined || (startLine <= line && line <= endLine),
  );
  const [only] = at;
  if (only === undefined) {
    throw new ToolError(`${quoted(toShown(given))} is not defined in ${quoted(shown)}.`, {
      ...(symbols.length > 0 && { allowed: listOf(same.length > 0 ? same : symbols) }),
      hint: 'outline, to see what is defined there',
    });
  }
  if (at.length > 1) {
    throw new ToolError(
      `${quoted(toShown(given))} is defined ${at.length} times in ${quoted(shown)}.`,
      {
        allowed: listOf(at),
        hint: 'Class/method as the name, or line',
      },
    );
  }
  return only;
}

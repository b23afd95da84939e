// How a path is shown, everywhere: a path with characters that a reader cannot see, or that reorder
// what stands around them, becomes a JSON string in double quotes. Every other path is shown as it
// is. No two paths are shown alike, and a path as shown is taken as an argument.
const PLAIN = /^[ !#-~][ -~]*$/;
/** Controls, format characters (bidirectional marks among them), line separators, lone surrogates. */
const HIDDEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;
const EACH_HIDDEN = new RegExp(HIDDEN.source, 'gu');

function toEscapes(text: string): string {
  return Array.from(
    { length: text.length },
    (_, index) => `\\u${text.charCodeAt(index).toString(16).padStart(4, '0')}`,
  ).join('');
}

export function toShown(path: string): string {
  if (PLAIN.test(path) || !(path.startsWith('"') || HIDDEN.test(path))) return path;
  return JSON.stringify(path).replaceAll(EACH_HIDDEN, toEscapes);
}

/** The path that a caller means: as it is, or as it was shown. */
export function fromShown(given: string): string {
  const [, literal] = /^("[^]*")\/*$/.exec(given) ?? [];
  if (literal === undefined) return given;
  try {
    const path: unknown = JSON.parse(literal);
    return typeof path === 'string' ? path : given;
  } catch (error) {
    // A name that merely stands in quotes.
    if (error instanceof SyntaxError) return given;
    throw error;
  }
}

/** A path, as it is, for the middle of a sentence. */
export function inQuotes(path: string): string {
  return quoted(toShown(path));
}

/** Text of another program, on lines of its own. */
export function toPrintable(text: string): string {
  return text.replaceAll(EACH_HIDDEN, (hidden) => (hidden === '\n' ? hidden : toEscapes(hidden)));
}

/** A path as it is shown, for the middle of a sentence. */
export function quoted(shown: string): string {
  return shown.startsWith('"') ? shown : `"${shown}"`;
}

// JSON with line breaks, every number and string as it was written: parsing and writing anew would change
// long numbers and drop repeated keys.

const MAX_DEPTH = 64;
const MAX_CHARACTERS = 8_000_000;

/** As given where it is not JSON, or would become too long. */
export function prettyJson(text: string): string {
  try {
    JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof RangeError) return text;
    throw error;
  }
  const parts: string[] = [];
  let depth = 0;
  let length = 0;
  let wasOpening = false;
  const newline = () => `\n${'  '.repeat(Math.min(depth, MAX_DEPTH))}`;
  for (const [token] of text.matchAll(/"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\],:]|[^\s"{}[\],:]+/g)) {
    const isEnd = token === '}' || token === ']';
    if (isEnd) depth -= 1;
    // A line begins after an opening bracket and before a closing one, unless they belong together.
    const before = wasOpening === isEnd ? '' : newline();
    wasOpening = token === '{' || token === '[';
    if (wasOpening) depth += 1;
    const part = `${before}${token}${token === ':' ? ' ' : token === ',' ? newline() : ''}`;
    length += part.length;
    if (length > MAX_CHARACTERS) return text;
    parts.push(part);
  }
  return parts.join('');
}

// JSON text of whatever a server sent. `JSON.parse` takes any depth and `JSON.stringify` does not, so
// a value nested a hundred thousand levels deep needs a writer that does not recurse.
import { closingDelimiter } from './secrets/redaction-ranges.ts';

/** Serialises a JSON value of any depth; `undefined` becomes `null`. */
export function toJsonText(value: unknown): string {
  try {
    return JSON.stringify(value) ?? 'null';
  } catch (error) {
    if (error instanceof RangeError) return toDeepJsonText(value);
    throw error;
  }
}

/** Whether brackets in JSON text nest deeper than `limit`. Text shorter than twice the limit cannot. */
export function nestsDeeperThan(text: string, limit: number): boolean {
  if (text.length <= limit * 2) return false;
  let depth = 0;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === 0x22) {
      at = endOfString(text, at);
      if (at < 0) return false;
    } else if (code === 0x5b || code === 0x7b) {
      depth += 1;
      if (depth > limit) return true;
    } else if (code === 0x5d || code === 0x7d) {
      depth -= 1;
    }
  }
  return false;
}

/** Index of the quote that closes the string opened at `from`; -1 when there is none. */
function endOfString(text: string, from: number): number {
  return closingDelimiter(text, from + 1, 0)?.start ?? -1;
}

interface Level {
  readonly close: string;
  readonly entries: Iterator<readonly [prefix: string, value: unknown]>;
  first: boolean;
}

function toDeepJsonText(root: unknown): string {
  const parts: string[] = [];
  const levels: Level[] = [];
  const put = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) {
      parts.push(JSON.stringify(value) ?? 'null');
    } else if (Array.isArray(value)) {
      parts.push('[');
      levels.push({ close: ']', entries: itemsOf(value), first: true });
    } else {
      parts.push('{');
      levels.push({ close: '}', entries: fieldsOf(value), first: true });
    }
  };
  put(root);
  for (let level = levels.at(-1); level !== undefined; level = levels.at(-1)) {
    const next = level.entries.next();
    if (next.done === true) {
      parts.push(level.close);
      levels.pop();
      continue;
    }
    const [prefix, value] = next.value;
    parts.push(level.first ? prefix : `,${prefix}`);
    level.first = false;
    put(value);
  }
  return parts.join('');
}

function* itemsOf(array: readonly unknown[]): Generator<readonly [string, unknown]> {
  for (const item of array) yield ['', item];
}

function* fieldsOf(object: object): Generator<readonly [string, unknown]> {
  for (const [key, value] of Object.entries(object)) {
    if (value !== undefined) yield [`${JSON.stringify(key)}:`, value];
  }
}

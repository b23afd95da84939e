// How large a parsed JSON value is, without writing it. What is too large or too deep is given up at
// once, so that measuring costs no more than the limit.

export interface JsonLimits {
  /** Characters, as JSON without white space; escapes are not counted. */
  readonly size: number;
  readonly depth: number;
}

/** Undefined when the value is over a limit. */
export function toJsonSize(value: unknown, limits: JsonLimits): number | undefined {
  const left = measure(value, limits.size, limits.depth);
  return left < 0 ? undefined : limits.size - left;
}

/** What is left of `room`; negative when it does not suffice. The depth bounds the recursion. */
function measure(value: unknown, room: number, depth: number): number {
  if (typeof value === 'string') return room - value.length - 2;
  if (typeof value !== 'object' || value === null) return room - String(value).length;
  if (depth === 0) return -1;
  let left = room - 2;
  if (Array.isArray(value)) {
    for (const item of value) {
      if (left < 0) return left;
      left = measure(item, left - 1, depth - 1);
    }
    return left;
  }
  for (const key in value) {
    if (left < 0) return left;
    // An own key of an object that JSON.parse made.
    const item = (value as Record<string, unknown>)[key];
    left = measure(item, left - key.length - 4, depth - 1);
  }
  return left;
}

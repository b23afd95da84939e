// How much text one answer carries. Cuts fall between characters, never inside one, and a cut text
// says so and says how to get the rest.

/** Most bytes of UTF-8 text that one answer carries. */
export const TEXT_LIMIT_BYTES = 256 * 1024;

export interface LimitedText {
  text: string;
  /** Bytes of `text`. */
  bytes: number;
  cut: boolean;
}

/** The end of the last whole UTF-8 character at or before `end`. */
export function characterEnd(bytes: Uint8Array, end: number): number {
  if (end >= bytes.length) return bytes.length;
  let at = end;
  while (at > 0 && ((bytes[at] ?? 0) & 0xc0) === 0x80) at -= 1;
  return at;
}

/** The first `maxBytes` of `text`, without half a character. */
export function limitText(text: string, maxBytes: number = TEXT_LIMIT_BYTES): LimitedText {
  // UTF-8 takes at most three bytes per UTF-16 unit, so short texts need no encoding.
  if (text.length * 3 <= maxBytes) return { text, bytes: Buffer.byteLength(text), cut: false };
  const bytes = Buffer.from(text);
  if (bytes.length <= maxBytes) return { text, bytes: bytes.length, cut: false };
  const end = characterEnd(bytes, maxBytes);
  return { text: bytes.toString('utf8', 0, end), bytes: end, cut: true };
}

/** What a tool's text becomes on the wire: whole, or cut with a last line on how to get the rest. */
export function toLimitedText(text: string, rest: string | undefined): string {
  const limited = limitText(text);
  if (!limited.cut) return text;
  const how = rest ?? 'Ask for less at once, with narrower arguments or a smaller limit.';
  return `${limited.text}\n[Cut at ${TEXT_LIMIT_BYTES} bytes of ${Buffer.byteLength(text)}. ${how}]`;
}

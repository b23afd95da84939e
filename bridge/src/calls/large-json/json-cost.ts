// What JSON text would cost when it is parsed. 32 MiB of `[],` become half a gigabyte of arrays, and a
// worker that runs out of memory in the middle of `JSON.parse` can take the whole process along.

const OPEN_COST = 64;
const COMMA_COST = 16;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** About the bytes that the parsed value takes, beside the text of its strings; stops counting at `limit`. */
export function toParsedBytes(json: Buffer, limit: number): number {
  let cost = 0;
  for (let at = 0; at < json.length && cost < limit; at += 1) {
    const byte = json[at];
    if (byte === QUOTE) at = toStringEnd(json, at);
    else if (byte === 0x5b || byte === 0x7b) cost += OPEN_COST;
    else if (byte === 0x2c || byte === 0x3a) cost += COMMA_COST;
  }
  return cost;
}

/** The index of the quote that closes the string begun at `from`. */
function toStringEnd(json: Buffer, from: number): number {
  for (let at = json.indexOf(QUOTE, from + 1); at !== -1; at = json.indexOf(QUOTE, at + 1)) {
    let slashes = 0;
    while (json[at - 1 - slashes] === BACKSLASH) slashes += 1;
    if (slashes % 2 === 0) return at;
  }
  return json.length;
}

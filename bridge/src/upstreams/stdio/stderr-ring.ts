// The last of what a server wrote to stderr. Raw chunks are kept and cut into lines only when someone
// reads them, so a server that floods stderr costs the bridge no more than reading the pipe.

const MAX_BYTES = 512 * 1024;
const MAX_CHUNKS = 1_024;
const MAX_LINES = 500;
const MAX_LINE_CHARACTERS = 2_000;
/** What may be the rest of a secret whose beginning was dropped, where no line begins after it. */
const DROPPED_REST = 8_192;

export class StderrRing {
  #chunks: Buffer[] = [];
  #bytes = 0;
  #hasDropped = false;
  readonly #redact: (text: string) => string;

  /** @param redact is given the whole text, so that no secret is cut in two before it */
  constructor(redact: (text: string) => string = (text) => text) {
    this.#redact = redact;
  }

  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    if (this.#chunks.length > MAX_CHUNKS) this.#chunks = [Buffer.concat(this.#chunks)];
    while (this.#bytes > MAX_BYTES) {
      this.#hasDropped = true;
      const excess = this.#bytes - MAX_BYTES;
      const first = this.#chunks[0];
      if (first === undefined) return;
      if (first.length > excess) this.#chunks[0] = first.subarray(excess);
      else this.#chunks.shift();
      this.#bytes -= Math.min(first.length, excess);
    }
  }

  /** The last 500 lines, oldest first, each cut at 2,000 characters. */
  lines(): string[] {
    const all = Buffer.concat(this.#chunks).toString('utf8');
    const text = this.#redact(this.#hasDropped ? withoutRest(all) : all);
    const lines = text.split(/\r?\n/);
    if (lines.at(-1) === '') lines.pop();
    return lines
      .slice(-MAX_LINES)
      .map((line) =>
        line.length > MAX_LINE_CHARACTERS ? `${line.slice(0, MAX_LINE_CHARACTERS)}…` : line,
      );
  }
}

/** The text from its first whole line on. */
function withoutRest(text: string): string {
  const end = text.indexOf('\n');
  return text.slice(end === -1 || end > DROPPED_REST ? DROPPED_REST : end + 1);
}

/** The end of `lines` as one text of at most `bytes` bytes. */
export function toTail(lines: readonly string[], bytes: number): string {
  const text = Buffer.from(lines.join('\n'), 'utf8');
  return text.length <= bytes ? text.toString('utf8') : text.subarray(-bytes).toString('utf8');
}

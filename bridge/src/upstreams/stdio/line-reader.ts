// Cuts a byte stream into lines under a size limit. A line over the limit is skipped without being
// kept: only its first and last bytes are, which is where a JSON-RPC message carries its id.

/** What is kept of an oversized line. */
export interface OversizedLine {
  readonly head: string;
  /** Empty until the line has ended. */
  readonly tail: string;
  readonly ended: boolean;
}

export interface LineReaderOptions {
  readonly maxBytes: number;
  readonly onLine: (line: Buffer) => void;
  /** Called when the limit is crossed and again when the line has ended. */
  readonly onOversized: (line: OversizedLine) => void;
}

const HEAD_BYTES = 512;
const TAIL_BYTES = 512;
const NEWLINE = 10;

export class LineReader {
  readonly #options: LineReaderOptions;
  #parts: Buffer[] = [];
  #size = 0;
  #head: string | undefined;
  #tail: Buffer = Buffer.alloc(0);

  constructor(options: LineReaderOptions) {
    this.#options = options;
  }

  push(chunk: Buffer): void {
    let start = 0;
    while (start < chunk.length) {
      const newline = chunk.indexOf(NEWLINE, start);
      this.#take(chunk.subarray(start, newline === -1 ? chunk.length : newline));
      if (newline === -1) return;
      this.#end();
      start = newline + 1;
    }
  }

  #take(part: Buffer): void {
    if (this.#head !== undefined) {
      this.#keepTail(part);
      return;
    }
    this.#parts.push(part);
    this.#size += part.length;
    if (this.#size <= this.#options.maxBytes) return;
    const parts = this.#parts;
    this.#parts = [];
    this.#size = 0;
    this.#head = firstBytes(parts, HEAD_BYTES).toString('utf8');
    for (const kept of parts) this.#keepTail(kept);
    this.#options.onOversized({ head: this.#head, tail: '', ended: false });
  }

  #keepTail(part: Buffer): void {
    // Copied, so that the chunk it came from can be freed.
    this.#tail =
      part.length >= TAIL_BYTES
        ? Buffer.from(part.subarray(-TAIL_BYTES))
        : Buffer.concat([this.#tail, part]).subarray(-TAIL_BYTES);
  }

  #end(): void {
    if (this.#head !== undefined) {
      const line = { head: this.#head, tail: this.#tail.toString('utf8'), ended: true };
      this.#head = undefined;
      this.#tail = Buffer.alloc(0);
      this.#options.onOversized(line);
      return;
    }
    if (this.#size === 0) return;
    const [first] = this.#parts;
    const line =
      this.#parts.length === 1 && first !== undefined
        ? first
        : Buffer.concat(this.#parts, this.#size);
    this.#parts = [];
    this.#size = 0;
    this.#options.onLine(line);
  }
}

function firstBytes(parts: readonly Buffer[], bytes: number): Buffer {
  const kept: Buffer[] = [];
  let size = 0;
  for (const part of parts) {
    if (size >= bytes) break;
    kept.push(part);
    size += part.length;
  }
  return Buffer.concat(kept).subarray(0, bytes);
}

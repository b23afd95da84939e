// Cuts a byte stream into lines under a size limit. A line over the limit is skipped without being
// kept: only its first and last bytes are, which is where a JSON-RPC message carries its id.
import { LARGE_BYTES } from '../../calls/large-json/large-json.ts';

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
  /** A line over {@link LARGE_BYTES}, in parts. */
  readonly onLargeLine: (parts: readonly Buffer[]) => void;
  /** Called when the limit is crossed and again when the line has ended. */
  readonly onOversized: (line: OversizedLine) => void;
}

const HEAD_BYTES = 512;
const TAIL_BYTES = 512;
const NEWLINE = 10;
/** Parts of a long line are joined to blocks of this size, because one copy of all would take too long. */
const BLOCK_BYTES = 1024 * 1024;

export class LineReader {
  readonly #options: LineReaderOptions;
  #parts: Buffer[] = [];
  #size = 0;
  #blocks: Buffer[] = [];
  #blockBytes = 0;
  #head: string | undefined;
  #tail: Buffer = Buffer.alloc(0);

  constructor(options: LineReaderOptions) {
    this.#options = options;
  }

  /** Returns what is left of the chunk where the turn was over before its end. */
  push(chunk: Buffer, isTurnOver: () => boolean = () => false): Buffer | undefined {
    let start = 0;
    while (start < chunk.length) {
      const newline = chunk.indexOf(NEWLINE, start);
      this.#take(chunk.subarray(start, newline === -1 ? chunk.length : newline));
      if (newline === -1) return undefined;
      this.#end();
      start = newline + 1;
      if (start < chunk.length && isTurnOver()) return chunk.subarray(start);
    }
    return undefined;
  }

  #take(part: Buffer): void {
    if (this.#head !== undefined) {
      this.#keepTail(part);
      return;
    }
    this.#parts.push(part);
    this.#size += part.length;
    if (this.#size - this.#blockBytes >= BLOCK_BYTES) this.#join();
    if (this.#size <= this.#options.maxBytes) return;
    const parts = this.#drain();
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
    const size = this.#size;
    if (size === 0) return;
    if (size > LARGE_BYTES) {
      this.#join();
      this.#options.onLargeLine(this.#drain());
      return;
    }
    const parts = this.#drain();
    const [first] = parts;
    const line = parts.length === 1 && first !== undefined ? first : Buffer.concat(parts, size);
    this.#options.onLine(line);
  }

  #join(): void {
    const block = Buffer.concat(this.#parts);
    if (block.length > 0) this.#blocks.push(block);
    this.#blockBytes = this.#size;
    this.#parts = [];
  }

  #drain(): Buffer[] {
    const parts = this.#blocks.length === 0 ? this.#parts : [...this.#blocks, ...this.#parts];
    if (this.#blocks.length > 0) this.#blocks = [];
    this.#parts = [];
    this.#size = 0;
    this.#blockBytes = 0;
    return parts;
  }
}

export function firstBytes(parts: readonly Buffer[], bytes: number): Buffer {
  const kept: Buffer[] = [];
  let size = 0;
  for (const part of parts) {
    if (size >= bytes) break;
    kept.push(part);
    size += part.length;
  }
  return Buffer.concat(kept).subarray(0, bytes);
}

export function lastBytes(parts: readonly Buffer[], bytes: number): Buffer {
  return Buffer.concat(parts.slice(-2)).subarray(-bytes);
}

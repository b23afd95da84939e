// A response that hands the socket 64 KiB at a time and counts what waits. Every answer goes through this
// class, so what callers leave unread is known in one place.
import { type IncomingMessage, ServerResponse } from 'node:http';
import type { UnreadAccount } from './unread-answers.ts';

type Written = (error: Error | null | undefined) => void;

/** The kernel takes a slice at once; when it takes one, the caller reads. */
const SLICE_BYTES = 64 * 1024;

const NONE: Buffer[] = [];

export class PacedResponse extends ServerResponse<IncomingMessage> {
  #account: UnreadAccount | undefined;
  /** What the socket does not have yet; an array of its own from the first such part on. */
  #pending: Buffer[] = NONE;
  #pendingBytes = 0;
  #isWriting = false;
  #isEnding = false;
  #isAwaited = false;
  #isPushed = false;
  /** Whether all that waits came in one write. */
  #isOne = true;
  #beforeEnd: ((end: () => void) => void) | undefined;

  /** Sets the account that the bytes are counted in; before, they are not counted. */
  countFor(account: UnreadAccount): void {
    this.#account = account;
  }

  /**
   * For a body whose source does not wait for the reader. `write` then never asks it to, so that the bytes
   * wait here, where they are counted, and not at the source.
   */
  takePushed(): void {
    this.#isPushed = true;
  }

  /** Sets what runs when everything is written, before the response ends and its connection may close. */
  holdEnd(beforeEnd: (end: () => void) => void): void {
    this.#beforeEnd = beforeEnd;
  }

  override write(
    chunk: string | Uint8Array,
    encoding?: BufferEncoding | Written,
    written?: Written,
  ): boolean {
    const done = typeof encoding === 'function' ? encoding : written;
    if (done !== undefined) this.once('finish', done);
    this.#add(toBuffer(chunk, encoding));
    if (this.#isPushed || this.#unread() === 0) return true;
    this.#isAwaited = true;
    return false;
  }

  override end(
    chunk?: string | Uint8Array | (() => void),
    encoding?: BufferEncoding | (() => void),
    written?: () => void,
  ): this {
    for (const done of [chunk, encoding, written])
      if (typeof done === 'function') this.once('finish', done);
    const last = typeof chunk === 'function' ? undefined : chunk;
    const isIdle = !this.#isWriting && this.#beforeEnd === undefined;
    if (isIdle && (last === undefined || last.length <= SLICE_BYTES)) {
      this.#endNow(last);
      return this;
    }
    this.#isEnding = true;
    if (last === undefined) this.#flow();
    else this.#add(toBuffer(last, encoding));
    return this;
  }

  /** The socket does not know what waits here, so its `drain` is replaced by one of `#rest`. */
  override emit(event: string | symbol, ...details: unknown[]): boolean {
    return event === 'drain' ? false : super.emit(event, ...details);
  }

  #add(buffer: Buffer): void {
    if (this.destroyed) return;
    this.#isOne = this.#unread() === 0;
    if (this.#pending === NONE) this.#pending = [];
    this.#pending.push(buffer);
    this.#pendingBytes += buffer.length;
    this.#flow();
    this.#count();
  }

  #flow(): void {
    if (this.destroyed) this.#pending = [];
    if (this.#isWriting || this.destroyed) return;
    const first = this.#pending[0];
    if (first === undefined) {
      this.#rest();
      return;
    }
    const slice = first.subarray(0, SLICE_BYTES);
    if (slice.length === first.length) this.#pending.shift();
    else this.#pending[0] = first.subarray(SLICE_BYTES);
    this.#pendingBytes -= slice.length;
    this.#isWriting = true;
    super.write(slice, (error) => {
      this.#isWriting = false;
      if (error instanceof Error) this.#pending = [];
      this.#count();
      this.#flow();
    });
  }

  /** Everything that came is written. */
  #rest(): void {
    if (this.#isAwaited) {
      this.#isAwaited = false;
      super.emit('drain');
    }
    if (!this.#isEnding) return;
    this.#isEnding = false;
    const end = (): void => this.#endNow();
    if (this.#beforeEnd === undefined) end();
    else this.#beforeEnd(end);
  }

  /** The whole way of most answers, which fit the socket at once. */
  #endNow(last?: string | Uint8Array): void {
    if (last === undefined) super.end();
    else super.end(last);
    this.#count();
    if (this.#unread() > 0) this.once('finish', () => this.#account?.set(0));
  }

  #unread(): number {
    return this.#pendingBytes + (this.socket?.writableLength ?? 0);
  }

  #count(): void {
    this.#account?.set(this.#unread(), this.#isOne);
  }
}

function toBuffer(chunk: string | Uint8Array, encoding: unknown): Buffer {
  if (typeof chunk !== 'string')
    return Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  return Buffer.from(chunk, typeof encoding === 'string' ? (encoding as BufferEncoding) : 'utf8'); // Node's types allow no other string here
}

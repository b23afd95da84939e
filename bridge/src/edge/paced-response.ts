// A response that gives the socket only so much at a time and keeps account of the rest. All that is
// ever answered goes through here, so what a caller leaves unread is known in one place.
import { type IncomingMessage, ServerResponse } from 'node:http';
import type { UnreadAccount } from './unread-answers.ts';

type Written = (error: Error | null | undefined) => void;

/** The kernel takes so much in one go; what it takes tells that the caller reads. */
const SLICE_BYTES = 64 * 1024;

const NONE: Buffer[] = [];

export class PacedResponse extends ServerResponse<IncomingMessage> {
  #account: UnreadAccount | undefined;
  /** Made for the first part that can't go out at once. */
  #pending: Buffer[] = NONE;
  #pendingBytes = 0;
  #isWriting = false;
  #isEnding = false;
  #isAwaited = false;
  #isPushed = false;
  /** All that waits came as one. */
  #isOne = true;
  #beforeEnd: ((end: () => void) => void) | undefined;

  /** Whoever is answered; until then nothing is counted. */
  countFor(account: UnreadAccount): void {
    this.#account = account;
  }

  /**
   * The body comes from somebody who doesn't wait for its reader. It is taken as it comes, so that it
   * is counted here and not piled up there.
   */
  takePushed(): void {
    this.#isPushed = true;
  }

  /** Runs when everything is written, before the response ends and its connection may close. */
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

  /** Who waits for room is told when nothing waits here, which the socket doesn't know. */
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

  /** Most answers are gone at once, and cost nothing here. */
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
  return Buffer.from(chunk, typeof encoding === 'string' ? (encoding as BufferEncoding) : 'utf8'); // node's own types name no other
}

// Reads the bodies of requests whose keys are known, with a deadline and a least rate, because a caller that
// sends a byte a second holds bytes of the budget that others wait for.
import type { IncomingMessage } from 'node:http';
import { DrawbridgeError } from '../errors.ts';
import { onTooManyPieces, tooManyPieces } from './piece-limit.ts';
import { CompactingMap } from '../flow/compacting-map.ts';

export interface ReadBodyOptions {
  /** `Content-Length`; absent for a body in chunks. */
  readonly length: number | undefined;
  /** Rejects with `request/too_large` beyond it. */
  readonly maxBytes: number;
  /** For the whole body. */
  readonly timeoutMs: number;
}

export interface BodyReader {
  /** Rejects with `request/timeout` or `request/too_large`, or when the caller leaves. */
  read(request: IncomingMessage, options: ReadBodyOptions): Promise<Buffer>;
  close(): void;
}

/** In bytes a second, once `START_MS` have passed. */
const LEAST_RATE = 16 * 1024;
const START_MS = 5_000;
const CHECK_MS = 500;
const JOINED_BYTES = 64 * 1024;

export function createBodyReader(): BodyReader {
  const readings = new CompactingMap<Reading, true>();
  // One timer for all bodies: most are whole before a timer of their own would have been worth it.
  let timer: NodeJS.Timeout | undefined;

  const checkAll = (): void => {
    const now = performance.now();
    for (const reading of readings.keys()) reading.check(now);
    if (readings.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };

  return {
    read: (request, options) =>
      new Promise((resolve, reject) => {
        if (request.destroyed) throw new Error('The caller left before its body was read.');
        const reading = new Reading(request, options, { resolve, reject, readings });
        readings.set(reading, true);
        // Bytes that arrived while the event loop was busy are read before the check.
        timer ??= setInterval(() => setImmediate(checkAll), CHECK_MS);
      }),
    close: () => clearInterval(timer),
  };
}

interface ReadingEnd {
  readonly resolve: (body: Buffer) => void;
  readonly reject: (error: unknown) => void;
  readonly readings: CompactingMap<Reading, true>;
}

/** One body being read. Every request with a body makes one, so it holds little. */
class Reading {
  readonly #request: IncomingMessage;
  readonly #options: ReadBodyOptions;
  readonly #ending: ReadingEnd;
  readonly #begin = performance.now();
  readonly #onData = (part: Buffer): void => this.#add(part);
  #isOver = false;
  #size = 0;
  #parts: Buffer[] = [];
  /** A large body goes into one buffer from the start: joining its parts later takes twice the memory. */
  readonly #whole: Buffer | undefined;

  constructor(request: IncomingMessage, options: ReadBodyOptions, ending: ReadingEnd) {
    const { length = 0 } = options;
    this.#request = request;
    this.#options = options;
    this.#ending = ending;
    if (length > JOINED_BYTES) this.#whole = Buffer.allocUnsafeSlow(length);
    request.on('data', this.#onData);
    request.on('end', () => this.#end(undefined, this.#toBody()));
    // The caller left.
    request.on('error', (error) => this.#end(error));
    if (options.length === undefined) onTooManyPieces(request, () => this.#end(tooManyPieces()));
  }

  check(now: number): void {
    const { length = Infinity, timeoutMs } = this.#options;
    const ms = now - this.#begin;
    const due = Math.min(((ms - START_MS) / 1_000) * LEAST_RATE, length);
    if (ms >= timeoutMs) this.#end(tooSlow(`took longer than ${timeoutMs / 1_000} s`));
    else if (this.#size < due)
      this.#end(tooSlow(`came in at less than ${LEAST_RATE} bytes a second`));
  }

  #add(part: Buffer): void {
    const { maxBytes } = this.#options;
    if (this.#size + part.length > maxBytes) {
      this.#end(tooLarge(maxBytes));
      return;
    }
    if (this.#whole === undefined) this.#parts.push(part);
    else part.copy(this.#whole, this.#size);
    this.#size += part.length;
  }

  #toBody(): Buffer {
    if (this.#whole !== undefined) return this.#whole;
    return (this.#parts.length === 1 && this.#parts[0]) || Buffer.concat(this.#parts, this.#size);
  }

  #end(error: unknown, body?: Buffer): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const { readings, resolve, reject } = this.#ending;
    readings.delete(this);
    if (body !== undefined) {
      resolve(body);
      return;
    }
    this.#request.off('data', this.#onData).pause();
    reject(error);
  }
}

export function tooLarge(maxBytes: number): DrawbridgeError {
  return new DrawbridgeError(
    'request/too_large',
    `The body is larger than ${maxBytes} bytes (drawbridge.limits.bodyBytes).`,
  );
}

function tooSlow(how: string): DrawbridgeError {
  return new DrawbridgeError('request/timeout', `The body ${how}.`);
}

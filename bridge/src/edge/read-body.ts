// Reads the bodies of requests whose callers are known, against a deadline and a least rate: who sends
// a byte a second holds a place that others wait for.
import type { IncomingMessage } from 'node:http';
import { DrawbridgeError } from '../errors.ts';

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

/** After a moment for the connection to get going, in bytes a second. */
const LEAST_RATE = 16 * 1024;
const START_MS = 5_000;
const CHECK_MS = 500;
const JOINED_BYTES = 64 * 1024;

export function createBodyReader(): BodyReader {
  const checks = new Set<(now: number) => void>();
  // One timer for all: most bodies are whole before one of their own would be worth its price.
  let timer: NodeJS.Timeout | undefined;

  const checkAll = (): void => {
    const now = performance.now();
    for (const check of checks) check(now);
    if (checks.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };

  return {
    read: (request, { length, maxBytes, timeoutMs }) =>
      new Promise((resolve, reject) => {
        const parts = createParts(length);
        const begin = performance.now();
        const check = (now: number): void => {
          const ms = now - begin;
          const due = Math.min(((ms - START_MS) / 1_000) * LEAST_RATE, length ?? Infinity);
          if (ms >= timeoutMs) fail(tooSlow(`took longer than ${timeoutMs / 1_000} s`));
          else if (parts.size() < due)
            fail(tooSlow(`came in at less than ${LEAST_RATE} bytes a second`));
        };
        let isOver = false;
        const fail = (error: unknown): void => {
          if (isOver) return;
          isOver = true;
          checks.delete(check);
          request.off('data', onData).pause();
          reject(error);
        };
        const onData = (part: Buffer): void => {
          if (parts.size() + part.length > maxBytes) fail(tooLarge(maxBytes));
          else parts.add(part);
        };
        request.on('data', onData);
        request.on('end', () => {
          if (isOver) return;
          isOver = true;
          checks.delete(check);
          resolve(parts.toBuffer());
        });
        request.on('close', () => fail(new Error('The caller left while it sent its body.')));
        checks.add(check);
        // What arrived while the event loop was busy is taken in before it is judged.
        timer ??= setInterval(() => setImmediate(checkAll), CHECK_MS);
      }),
    close: () => clearInterval(timer),
  };
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

interface Parts {
  size(): number;
  add(part: Buffer): void;
  toBuffer(): Buffer;
}

/** A large body is put where it stays; parts that are joined later take twice the room. */
function createParts(length: number | undefined): Parts {
  let size = 0;
  if (length !== undefined && length > JOINED_BYTES) {
    const whole = Buffer.allocUnsafeSlow(length);
    return {
      size: () => size,
      add: (part) => void (size += part.copy(whole, size)),
      toBuffer: () => whole,
    };
  }
  const parts: Buffer[] = [];
  return {
    size: () => size,
    add(part) {
      parts.push(part);
      size += part.length;
    },
    toBuffer: () => (parts.length === 1 && parts[0]) || Buffer.concat(parts, size),
  };
}

// Reads the body of a request whose caller is known, against a deadline and a least rate: who sends a
// byte a second holds a place that others wait for.
import type { IncomingMessage } from 'node:http';
import { DrawbridgeError } from '../errors.ts';

export interface ReadBodyOptions {
  /** Rejects with `request/too_large` beyond it. */
  readonly maxBytes: number;
  /** For the whole body. */
  readonly timeoutMs: number;
  /** `Content-Length`; absent for a body in chunks. */
  readonly length: number | undefined;
}

/** After a moment for the connection to get going, in bytes a second. */
const LEAST_RATE = 16 * 1024;
const START_MS = 5_000;
const CHECK_MS = 1_000;

/** Rejects with `request/timeout` or `request/too_large`, or when the caller leaves. */
export function readBody(request: IncomingMessage, options: ReadBodyOptions): Promise<Buffer> {
  const { length, maxBytes, timeoutMs } = options;
  return new Promise((resolve, reject) => {
    const parts = createParts(length);
    const begin = performance.now();
    const check = (): void => {
      const ms = performance.now() - begin;
      const due = Math.min(((ms - START_MS) / 1_000) * LEAST_RATE, length ?? Infinity);
      if (ms >= timeoutMs) fail(tooSlow(`took longer than ${timeoutMs / 1_000} s`));
      else if (parts.size() < due) fail(tooSlow(`came in at less than ${LEAST_RATE} bytes a second`));
    };
    // What has arrived while the event loop was busy is taken in before it is judged.
    const timer = setInterval(() => setImmediate(check), Math.min(CHECK_MS, timeoutMs));
    const stop = (): void => {
      clearInterval(timer);
      request.off('data', onData).off('end', onEnd).off('error', fail).off('close', onClose);
    };
    const fail = (error: unknown): void => {
      stop();
      request.pause();
      reject(error);
    };
    const onData = (part: Buffer): void => {
      if (parts.size() + part.length > maxBytes) fail(tooLarge(maxBytes));
      else parts.add(part);
    };
    const onEnd = (): void => {
      stop();
      resolve(parts.toBuffer());
    };
    const onClose = (): void => fail(new Error('The caller left while it sent its body.'));
    request.on('data', onData).on('end', onEnd).on('error', fail).on('close', onClose);
  });
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

/** A body of known length is put where it stays; parts that are joined later take twice the room. */
function createParts(length: number | undefined): Parts {
  let size = 0;
  if (length !== undefined) {
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
    toBuffer: () => Buffer.concat(parts, size),
  };
}

// What goes into a server's stdin. The lines of one turn of the event loop go out in one write, and a
// server that does not read gets only so much.
import type { Writable } from 'node:stream';
import type { JSONRPCMessage } from '@modelcontextprotocol/client';
import { DrawbridgeError } from '../../errors.ts';
import { toLargeArguments, withLargeArguments } from '../large-arguments.ts';

export interface OutboxOptions {
  /** The upstream's name, for messages. */
  readonly name: string;
  /** Most bytes that may wait. */
  readonly maxMessageBytes: number;
}

/** Lines wait for the end of the event loop's turn up to this many characters. */
const MAX_CHARACTERS = 64 * 1024;

export class Outbox {
  readonly #stdin: Writable;
  readonly #options: OutboxOptions;
  #lines = '';

  constructor(stdin: Writable, options: OutboxOptions) {
    this.#stdin = stdin;
    this.#options = options;
  }

  /**
   * False when the server lags behind.
   * @throws DrawbridgeError `upstream/unavailable` or `upstream/busy`
   */
  write(message: JSONRPCMessage): boolean {
    const stdin = this.#stdin;
    if (!stdin.writable) throw toClosedError();
    const large = toLargeArguments(message);
    const waiting = stdin.writableLength + this.#lines.length;
    if (waiting > this.#options.maxMessageBytes) {
      throw new DrawbridgeError(
        'upstream/busy',
        `upstream "${this.#options.name}" does not read its input: ${waiting} bytes wait`,
      );
    }
    if (large !== undefined) {
      this.flush();
      for (const part of withLargeArguments(message, large)) stdin.write(part);
      stdin.write('\n');
      return !stdin.writableNeedDrain;
    }
    if (this.#lines === '') setImmediate(() => this.flush());
    this.#lines += `${JSON.stringify(message)}\n`;
    if (this.#lines.length > MAX_CHARACTERS) this.flush();
    return !stdin.writableNeedDrain;
  }

  flush(): void {
    const lines = this.#lines;
    this.#lines = '';
    if (lines !== '' && this.#stdin.writable) this.#stdin.write(lines);
  }

  /** Resolves when the server has read what waits, or its stdin is closed. */
  drained(): Promise<void> {
    const stdin = this.#stdin;
    return new Promise((resolve) => {
      const done = (): void => {
        stdin.off('drain', done);
        stdin.off('close', done);
        resolve();
      };
      stdin.on('drain', done);
      // The call itself ends through the transport's `onclose`.
      stdin.on('close', done);
    });
  }
}

export function toClosedError(): DrawbridgeError {
  return new DrawbridgeError('upstream/unavailable', 'the connection is closed');
}

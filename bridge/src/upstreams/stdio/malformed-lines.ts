// Lines on a server's stdout that are no JSON-RPC message. They are counted, and logged at most every ten
// seconds with the beginning of one of them, because a server may write nothing else.
import type { Logger } from 'pino';

export interface MalformedLinesOptions {
  /** The upstream's name. */
  readonly name: string;
  readonly logger: Logger;
}

const LOG_MS = 10_000;
const SAMPLE_BYTES = 200;

export class MalformedLines {
  readonly #options: MalformedLinesOptions;
  #count = 0;
  #loggedAt = Number.NEGATIVE_INFINITY;

  constructor(options: MalformedLinesOptions) {
    this.#options = options;
  }

  count(line: Buffer): void {
    this.#count += 1;
    const now = performance.now();
    if (now - this.#loggedAt < LOG_MS) return;
    this.#loggedAt = now;
    const { name, logger } = this.#options;
    logger.warn(
      {
        upstream: name,
        ignoredLines: this.#count,
        sample: line.subarray(0, SAMPLE_BYTES).toString('utf8'),
      },
      'a server wrote something to stdout that is not a JSON-RPC message',
    );
  }
}

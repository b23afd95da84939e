// Asks a server for its lists again after it said that they changed. However many such notifications come, one
// question is waiting or under way; one that comes while the server is asked leads to one more question.
import { ListBackoff } from './list-backoff.ts';

export interface ListRefreshOptions {
  /** Whether the server is still there to be asked. */
  readonly isWanted: () => boolean;
  /** Never rejects. */
  readonly ask: () => Promise<void>;
}

export class ListRefresh {
  readonly #options: ListRefreshOptions;
  readonly #backoff = new ListBackoff();
  #timer: NodeJS.Timeout | undefined;
  #isAsking = false;
  /** The lists changed while the server was asked for them. */
  #isChanged = false;

  constructor(options: ListRefreshOptions) {
    this.#options = options;
  }

  request(): void {
    if (this.#isAsking) this.#isChanged = true;
    else {
      this.#timer ??= setTimeout(
        () => void this.#ask(),
        this.#backoff.waitMs(performance.now()),
      ).unref();
    }
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  async #ask(): Promise<void> {
    this.#timer = undefined;
    const { isWanted, ask } = this.#options;
    if (!isWanted()) return;
    this.#isAsking = true;
    const begun = performance.now();
    await ask();
    this.#backoff.note(begun, performance.now());
    this.#isAsking = false;
    if (!this.#isChanged) return;
    this.#isChanged = false;
    this.request();
  }
}

// Calls over a server's stdio: an id, a line, and whoever waits for the answer. All calls of a
// connection share its two pipes, so the lines of one turn of the event loop are written together and
// each answer finds its call by id. The SDK's client keeps the rest of the conversation.
import type { JSONRPCMessage, RequestId } from '@modelcontextprotocol/client';
import type { RpcError } from '../../calls/call.ts';
import type { LargeResult } from '../../calls/large-json/large-json.ts';
import { CompactingMap } from '../../flow/compacting-map.ts';
import type { CallParams } from '../call-params.ts';

export interface CallProgress {
  readonly progress: number;
  readonly total?: number;
  readonly message?: string;
}

/** How a call over a server's stdio ended. */
export type StdioAnswer =
  /** `text`: the result as the server wrote it, where it is known. */
  | {
      readonly kind: 'result';
      readonly result: Record<string, unknown>;
      readonly text: string | undefined;
    }
  | { readonly kind: 'large'; readonly large: LargeResult }
  | { readonly kind: 'error'; readonly error: RpcError }
  | { readonly kind: 'cancelled' }
  | { readonly kind: 'timed_out' }
  | { readonly kind: 'lost'; readonly why: string };

export interface StdioCallOptions {
  /** Renewed by progress. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: CallProgress) => void;
  /** What a modern server wants in `_meta` of each message; a call's own `_meta` stands above it. */
  readonly envelope: Meta | undefined;
}

export type Meta = Readonly<Record<string, unknown>>;

interface Waiting {
  readonly resolve: (answer: StdioAnswer) => void;
  readonly onProgress: StdioCallOptions['onProgress'];
  readonly timer: NodeJS.Timeout;
}

/** The SDK's client counts its own requests from 0; some servers know no ids but integers of 32 bits. */
const FIRST_ID = 2 ** 30;
const LAST_ID = 2 ** 31 - 1;

/** The connection's way out. */
export interface StdioOut {
  /** @throws DrawbridgeError when the message can't be taken */
  write(message: JSONRPCMessage): void;
  /** For what may get lost. */
  tell(message: JSONRPCMessage): void;
}

export class StdioCalls {
  readonly #out: StdioOut;
  readonly #waiting = new CompactingMap<RequestId, Waiting>();
  #next = FIRST_ID;

  constructor(out: StdioOut) {
    this.#out = out;
  }

  get ids(): readonly RequestId[] {
    return this.#waiting.keys();
  }

  /**
   * The server is told of a timeout and of cancellation.
   * @throws DrawbridgeError when the connection is closed or the server does not read
   */
  async send(
    method: string,
    { params, meta }: CallParams,
    { timeoutMs, signal, onProgress, envelope }: StdioCallOptions,
  ): Promise<StdioAnswer> {
    if (signal.aborted) return { kind: 'cancelled' };
    const id = this.#toId();
    const _meta = Object.assign({ progressToken: id }, envelope, meta);
    this.#out.write({ method, params: { _meta, ...params }, jsonrpc: '2.0', id });
    return new Promise((resolve) => {
      const giveUp = (kind: 'cancelled' | 'timed_out', reason: string): void => {
        if (!this.#settle(id, { kind })) return;
        const told = { requestId: id, reason, ...(envelope && { _meta: envelope }) };
        this.#out.tell({ method: 'notifications/cancelled', params: told, jsonrpc: '2.0' });
      };
      const onAbort = (): void => giveUp('cancelled', 'the caller cancelled it');
      const onTimeout = (): void => giveUp('timed_out', `no answer within ${timeoutMs} ms`);
      signal.addEventListener('abort', onAbort, { once: true });
      this.#waiting.set(id, {
        onProgress,
        timer: setTimeout(onTimeout, timeoutMs),
        resolve(answer) {
          signal.removeEventListener('abort', onAbort);
          resolve(answer);
        },
      });
    });
  }

  /**
   * Whether the message belongs to a call made here; then it is dealt with.
   * @param text the result as the server wrote it, where it is known
   */
  take(message: JSONRPCMessage, text?: string): boolean {
    if ('result' in message) {
      return this.#settle(message.id, { kind: 'result', result: message.result, text });
    }
    if ('error' in message)
      return this.#settle(message.id, { kind: 'error', error: message.error });
    return message.method === 'notifications/progress' && this.#progress(message.params);
  }

  /** The same for a result that is kept as bytes. */
  takeLarge(id: RequestId, large: LargeResult): boolean {
    return this.#settle(id, { kind: 'large', large });
  }

  /** Ends all calls under way as lost. */
  end(why: string): void {
    for (const id of this.#waiting.keys()) this.#settle(id, { kind: 'lost', why });
  }

  #progress(params: Readonly<Record<string, unknown>> = {}): boolean {
    const { progressToken: id, progress, total, message } = params;
    const waiting = typeof id === 'number' ? this.#waiting.get(id) : undefined;
    if (waiting === undefined || typeof progress !== 'number') return false;
    waiting.timer.refresh();
    waiting.onProgress({
      progress,
      ...(typeof total === 'number' && { total }),
      ...(typeof message === 'string' && { message }),
    });
    return true;
  }

  #settle(id: RequestId | undefined, answer: StdioAnswer): boolean {
    const waiting = id === undefined ? undefined : this.#waiting.get(id);
    if (id === undefined || waiting === undefined) return false;
    this.#waiting.delete(id);
    clearTimeout(waiting.timer);
    waiting.resolve(answer);
    return true;
  }

  #toId(): number {
    const id = this.#next;
    this.#next = id === LAST_ID ? FIRST_ID : id + 1;
    return id;
  }
}

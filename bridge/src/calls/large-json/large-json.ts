// JSON that is too large to be worked through between two turns of the event loop: parsing 4 MiB can
// take a quarter of a second, redacting 32 MiB a second. A worker does that (worker.ts). What comes back
// is bytes, and the little that routing needs; a parsed object would have to be built here once more.
import type { HeldBytes } from '../../flow/held-bytes.ts';
import type { PreparedBody } from '../../runs/event-text.ts';

/** Text up to here is worked through in place: in the worst case about 10 ms. */
export const LARGE_BYTES = 128 * 1024;
/** What remains of a message without its large part is parsed in place up to here. */
export const SKELETON_BYTES = 512 * 1024;

/** Arguments as JSON, which travel through the bridge as bytes. */
export class LargeJson {
  readonly bytes: Buffer;
  /** As the log keeps them. */
  readonly logged: PreparedBody;

  constructor(bytes: Buffer, logged: PreparedBody) {
    this.bytes = bytes;
    this.logged = logged;
  }

  /** For whoever can't take bytes. */
  toJSON(): unknown {
    return JSON.parse(this.bytes.toString('utf8'));
  }
}

/** A request's body without its arguments, where these are large. */
export type SplitRequest =
  | { readonly kind: 'split'; readonly body: unknown }
  /** What is beside the arguments is too large. */
  | { readonly kind: 'too_large' }
  | { readonly kind: 'not_json' };

/** The result of a call: an object of JSON, without `_meta` and `resultType`. */
export interface LargeResult {
  readonly bytes: Buffer;
  readonly isError: boolean;
  readonly resultType: string | undefined;
  readonly meta: Readonly<Record<string, unknown>> | undefined;
  /** The same as the SDK would write it as a tool's result; undefined when it would not take it. */
  readonly asTool: Buffer | undefined;
  readonly logged: PreparedBody;
}

/** A message with a list that is put together again in slices. */
export interface SlicedMessage {
  /** The message without the entries of the list. */
  readonly message: unknown;
  readonly list: { readonly key: string; readonly slices: readonly Buffer[] } | undefined;
}

export type LargeMessage =
  | { readonly kind: 'result'; readonly id: number | string; readonly result: LargeResult }
  | ({ readonly kind: 'sliced' } & SlicedMessage)
  /** It can't be taken; `id` where it is known to be a response. */
  | { readonly kind: 'too_large'; readonly id: number | string | undefined }
  | { readonly kind: 'malformed' };

/** Cuts large JSON apart. Rejects with `policy/limit` when too much of an owner waits already. */
export interface LargeJsonReader {
  /**
   * @param body must not be used afterwards
   */
  request(body: Buffer, options: RequestOptions): Promise<SplitRequest>;
  /** The bytes of one message of a server, in order; they must not be used afterwards. */
  message(parts: readonly Buffer[], options: MessageOptions): Promise<LargeMessage>;
  /** Of servers' messages; while it is full, nothing more should be read from them. */
  readonly held: HeldBytes;
  /** A body as the log keeps it. */
  log(text: string, owner: string): Promise<PreparedBody>;
}

export interface MessageOptions {
  /** Whose turn it takes. */
  readonly owner: string;
  /** Ids of requests that are no calls, such as for lists. */
  readonly requests: readonly (number | string)[];
}

export interface RequestOptions {
  /** Where the arguments are: in `params` of a JSON-RPC request, or in the body itself. */
  readonly at: 'params' | 'body';
  /** Whose turn it takes. */
  readonly owner: string;
}

// Types for JSON that is too large to be parsed on the event loop: parsing 4 MiB can take a quarter of a
// second, redacting 32 MiB a second. A worker does both (worker.ts). It sends back bytes and the little that
// routing needs; a parsed object would have to be built again on this side.
import type { HeldBytes } from '../../flow/held-bytes.ts';
import type { PreparedBody } from '../../runs/event-text.ts';

/** JSON up to this size is parsed on the event loop: about 10 ms in the worst case. */
export const LARGE_BYTES = 128 * 1024;
/** The limit for what remains of a message without its large part, which is parsed on the event loop. */
export const SKELETON_BYTES = 512 * 1024;

/** Large arguments, which stay bytes on their way through the bridge. */
export class LargeJson {
  readonly bytes: Buffer;
  /** Of the bytes, so that two requests can be compared that the log redacts to the same. */
  readonly sha256: Buffer;
  /** As the log keeps them. */
  readonly logged: PreparedBody;

  constructor(bytes: Buffer, sha256: Buffer, logged: PreparedBody) {
    this.bytes = bytes;
    this.sha256 = sha256;
    this.logged = logged;
  }

  /** Parses the bytes; for callers of `JSON.stringify` on something that holds them. */
  toJSON(): unknown {
    return JSON.parse(this.bytes.toString('utf8'));
  }
}

/** A request's body without its arguments, where these are large. */
export type SplitRequest =
  | { readonly kind: 'split'; readonly body: unknown }
  /** The rest of the body is over {@link SKELETON_BYTES}. */
  | { readonly kind: 'too_large' }
  | { readonly kind: 'not_json' };

/** The result of a call: an object of JSON, without `_meta` and `resultType`. */
export interface LargeResult {
  readonly bytes: Buffer;
  readonly isError: boolean;
  readonly resultType: string | undefined;
  readonly meta: Readonly<Record<string, unknown>> | undefined;
  /** The result as the SDK would write it for a tool; undefined when the SDK would refuse it. */
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
  /** The message is too large; `id` where it is known to be a response. */
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
  /** Counts the bytes of servers' messages. While it is full, nothing more should be read from servers. */
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

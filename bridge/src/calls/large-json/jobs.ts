// The messages to the large-JSON worker and back. Bytes are transferred, not copied.
import type { LargeResult } from './large-json.ts';

export type Job =
  | {
      readonly kind: 'request';
      readonly parts: readonly Uint8Array[];
      readonly at: 'params' | 'body';
    }
  | {
      readonly kind: 'message';
      readonly parts: readonly Uint8Array[];
      readonly requests: readonly (number | string)[];
    }
  | { readonly kind: 'log'; readonly parts: readonly Uint8Array[] };

/** A body for the log. Without `body` nothing of it was redacted, and it is the bytes beside it. */
export interface LoggedBytes {
  readonly size: number;
  readonly sha256: Uint8Array;
  readonly preview: string;
  readonly body?: Uint8Array;
}

export type JobResult =
  | { readonly kind: 'logged'; readonly bytes: Uint8Array; readonly logged: LoggedBytes }
  | {
      readonly kind: 'split';
      readonly skeleton: string;
      readonly large?: {
        readonly bytes: Uint8Array;
        /** Of `bytes`; the hash in `logged` is of what the log has. */
        readonly sha256: Uint8Array;
        readonly logged: LoggedBytes;
      };
    }
  | {
      readonly kind: 'result';
      readonly id: number | string;
      readonly bytes: Uint8Array;
      readonly logged: LoggedBytes;
      /** The result as the SDK would write it for a tool, where that differs from `bytes`. */
      readonly asTool?: Uint8Array;
      readonly facts: Pick<LargeResult, 'isError' | 'resultType' | 'meta'> & {
        readonly isTool: boolean;
      };
    }
  | {
      readonly kind: 'sliced';
      readonly skeleton: string;
      readonly list?: {
        readonly key: string;
        readonly bytes: Uint8Array;
        /** Where each slice of `bytes` ends; each slice is a JSON array. */
        readonly ends: readonly number[];
        /** Names of entries that were too large, and how many there were. */
        readonly leftOut: { readonly names: readonly string[]; readonly count: number };
      };
    }
  | { readonly kind: 'too_large'; readonly id?: number | string }
  /** A request that {@link REQUEST_LIMITS} refuse; it was not parsed. */
  | { readonly kind: 'too_deep' | 'too_many_values' }
  | { readonly kind: 'not_json' }
  | { readonly kind: 'malformed' };

export interface ToWorker {
  readonly job: Job;
  readonly literals: readonly string[];
}

/** What stands in place of the arguments in a split request's skeleton. */
export const ARGUMENTS_MARK = 0;

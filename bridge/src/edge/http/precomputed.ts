// What the edge and the fast path have found out about a request that goes on to the routes, so that nothing
// is looked up, read or sent a second time.
import type { Outcome } from '../../calls/call.ts';
import type { Principal } from '../../principals/caller.ts';
import type { SplitRequest } from '../../calls/large-json/large-json.ts';
import type { DrawbridgeError } from '../../errors.ts';
import type { Session } from '../../sessions/sessions.ts';

export interface Precomputed {
  /** Why the edge refused the request. */
  readonly refusal?: DrawbridgeError;
  readonly principal?: Principal;
  /** The principal's session that the request names. */
  readonly session?: Session;
  /** The body, parsed. */
  readonly json?: unknown;
  /** A large body, cut apart; its bytes are gone. */
  readonly split?: SplitRequest;
  /** The outcome of its call, which must not be sent to a server again. */
  readonly outcome?: Outcome;
}

// What the edge and the fast path know already of a request that goes on to the routes, so that nothing is
// asked, read or done a second time.
import type { Outcome } from '../../calls/call.ts';
import type { Principal } from '../../principals/caller.ts';
import type { SplitRequest } from '../../calls/large-json/large-json.ts';
import type { DrawbridgeError } from '../../errors.ts';
import type { Session } from '../../sessions/sessions.ts';

export interface Precomputed {
  /** Why it goes no further. */
  readonly refusal?: DrawbridgeError;
  /** Who asks. */
  readonly principal?: Principal;
  /** The principal's session that the request names. */
  readonly session?: Session;
  /** The body, parsed. */
  readonly json?: unknown;
  /** A large body, cut apart; its bytes are gone. */
  readonly split?: SplitRequest;
  /** How its call ended; it is never sent to a server again. */
  readonly outcome?: Outcome;
}

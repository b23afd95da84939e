// JSON-RPC's codes, as the bridge uses them.

export const PARSE_ERROR = -32_700;
export const INVALID_PARAMS = -32_602;
/** Something went wrong in the bridge, or between it and a server. */
export const INTERNAL_ERROR = -32_603;
/** The session is unknown; of the range that JSON-RPC leaves to servers. */
export const SESSION_UNKNOWN = -32_001;
/** The caller may not do this, now or at all; of the same range. */
export const DENIED = -32_003;

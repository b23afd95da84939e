// Who asks, and with what.
import type { Era } from '@drawbridge/schemas';

/** Who asks. `id` is the user; `keyId` the credential, so that the log can tell two keys apart. */
export interface Principal {
  readonly id: string;
  readonly tenantId: string;
  readonly name: string;
  readonly role: 'operator' | 'member';
  readonly keyId: string;
}

/** The caller's program, as it describes itself. */
export interface CallClient {
  readonly era: Era;
  /** `name/version` as the client gave it. */
  readonly name?: string;
  readonly protocolVersion?: string;
  /** The client's own capabilities, as it declared them. */
  readonly capabilities: Readonly<Record<string, unknown>>;
}

/** Whose run a call without a session belongs to. */
export interface CallerIdentity {
  readonly principal: Principal;
  readonly client: CallClient;
  readonly project: string;
  /** From the caller's `traceparent`; it joins calls to one run. */
  readonly traceId?: string;
}

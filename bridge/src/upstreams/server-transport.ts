// What a connection needs of its transport beyond the SDK's interface; the stdio and the HTTP one have it.
import type { Transport } from '@modelcontextprotocol/client';
import type { LargeMessages } from './http/large-messages.ts';
import type { StdioCalls } from './stdio/stdio-calls.ts';

export interface ServerTransport extends Transport {
  /** Why the connection ended, in words; undefined while it lives. The first reason stays. */
  endedBecause: string | undefined;
  readonly pid?: number | undefined;
  /** Calls without the SDK's client; stdio only. */
  readonly calls?: StdioCalls;
  /** Large results that the SDK's client did not get; HTTP only. */
  readonly large?: LargeMessages;
  /** The session that a legacy HTTP server keeps for this connection. */
  readonly legacySession?: string | undefined;
}

export const CLOSED_BY_US = 'the bridge closed it';

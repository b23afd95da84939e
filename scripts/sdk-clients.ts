// Clients of both SDKs, as the programs of others bring them.
import {
  Client as ModernClient,
  StreamableHTTPClientTransport as ModernTransport,
} from '@modelcontextprotocol/client';
import { Client as LegacyClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as LegacyTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Door } from './bridge-process.ts';

export interface CallOptions {
  /** In milliseconds; a legacy client waits that long for a stream that broke off. */
  readonly timeout: number;
  readonly signal?: AbortSignal;
  readonly onprogress?: () => void;
}

export interface SdkClient {
  call(name: string, args: Record<string, unknown>, options: CallOptions): Promise<unknown>;
  close(): Promise<void>;
}

const info = { name: 'drawbridge-scripts', version: '1.0.0' };

export function connectModern(door: Door): Promise<SdkClient> {
  return connectNew(
    door,
    new ModernClient(info, { versionNegotiation: { mode: { pin: '2026-07-28' } } }),
  );
}

/** The newer SDK in the older era. */
export function connectNewToOld(door: Door): Promise<SdkClient> {
  return connectNew(door, new ModernClient(info));
}

async function connectNew(door: Door, client: ModernClient): Promise<SdkClient> {
  await client.connect(new ModernTransport(toEndpoint(door), { requestInit: toInit(door) }));
  return {
    call: (name, args, options) => client.callTool({ name, arguments: args }, options),
    close: () => client.close(),
  };
}

export async function connectLegacy(door: Door): Promise<SdkClient> {
  const client = new LegacyClient(info);
  await client.connect(
    new LegacyTransport(toEndpoint(door), { requestInit: toInit(door) }) as Parameters<
      LegacyClient['connect']
    >[0],
  ); // its optional members clash with exactOptionalPropertyTypes
  return {
    call: (name, args, options) => client.callTool({ name, arguments: args }, undefined, options),
    close: () => client.close(),
  };
}

function toEndpoint({ url }: Door): URL {
  return new URL(`${url}/mcp`);
}

function toInit({ token }: Door): RequestInit {
  return { headers: { Authorization: `Bearer ${token}` } };
}

// What the rest of the bridge knows of a server behind it. Nothing in front of this interface knows
// which era or transport the server speaks, or whether its process runs at the moment.
import type { ServerOptions } from '@drawbridge/schemas';
import type { Outcome, RoutedCall } from '../calls/call.ts';

/** One server as settings resolved it: variables filled in, paths absolute, defaults applied. */
export interface UpstreamConfig {
  readonly name: string;
  readonly options: ServerOptions;
  /** Ours: gets the caller's identity, and its annotations are believed. */
  readonly builtin: boolean;
  /** The built-in server's id in the registry, under which its definitions ship. */
  readonly shipped?: string;
  readonly transport:
    | {
        readonly kind: 'stdio';
        readonly command: string;
        readonly args: readonly string[];
        readonly env: Readonly<Record<string, string>>;
        /** Missing: a folder of the server's own, so that no project's code is found by accident. */
        readonly cwd?: string;
      }
    | {
        readonly kind: 'http' | 'sse' | 'http-or-sse';
        readonly url: string;
        readonly headers: Readonly<Record<string, string>>;
      };
  /** SHA-256 over what decides which server this is (transport and its arguments); pins key on it. */
  readonly fingerprint: string;
  /** What is wrong in its settings: it is disabled for it, or goes on as it was before. */
  readonly issue?: string;
}

export type UpstreamState = 'stopped' | 'starting' | 'ready' | 'degraded' | 'broken' | 'disabled';

export interface UpstreamStatus {
  readonly name: string;
  readonly state: UpstreamState;
  readonly builtin: boolean;
  readonly transport: 'stdio' | 'http' | 'sse';
  readonly era?: 'modern' | 'legacy';
  readonly serverInfo?: { readonly name: string; readonly version: string };
  readonly pids: readonly number[];
  readonly restarts: number;
  readonly inFlight: number;
  /** The last thing that went wrong, in words for the operator. */
  readonly lastError?: string;
  /** The same in words for anybody: without what the server wrote, commands and paths. */
  readonly lastIssue?: string;
  /** When the breaker lets the next start through. */
  readonly retryAt?: string;
  readonly lastHealthyAt?: string;
}

/** What a server offers, as it said; the catalog names, pins and filters it. */
export interface ServerListing {
  readonly serverInfo: { readonly name: string; readonly version: string };
  readonly instructions?: string | undefined;
  readonly capabilities: Readonly<Record<string, unknown>>;
  readonly tools: readonly Record<string, unknown>[];
  readonly resources: readonly Record<string, unknown>[];
  readonly resourceTemplates: readonly Record<string, unknown>[];
  readonly prompts: readonly Record<string, unknown>[];
  /** What was left out and why, in words for the operator. */
  readonly notes?: readonly string[];
}

export type UpstreamEvent =
  | { readonly kind: 'state'; readonly name: string; readonly status: UpstreamStatus }
  | {
      readonly kind: 'offer';
      readonly name: string;
      /** Of the settings that it was started with. */
      readonly fingerprint: string;
      readonly listing: ServerListing;
    }
  | { readonly kind: 'resource_updated'; readonly name: string; readonly uri: string };

export interface Upstreams {
  /** Applies settings: starts nothing that is lazy, stops what is gone, restarts what changed, leaves the rest alone. */
  configure(configs: readonly UpstreamConfig[]): Promise<void>;
  /**
   * Sends the call over a leased connection and waits for its end. Never throws for what the server
   * or the network did: that is an outcome whose message names the upstream. Honours `call.signal`.
   */
  send(call: RoutedCall): Promise<Outcome>;
  /** Starts the server if need be and asks what it offers; also emitted as an `offer` event. Rejects with DrawbridgeError. */
  discover(name: string, signal?: AbortSignal): Promise<ServerListing>;
  status(): readonly UpstreamStatus[];
  restart(name: string): Promise<void>;
  subscribe(listener: (event: UpstreamEvent) => void): () => void;
  /** The last lines the server wrote to stderr, newest last. */
  logs(name: string): readonly string[];
  close(): Promise<void>;
}

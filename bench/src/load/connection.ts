// What the load generator holds of each contender: one client of it, which makes many calls at once.
// Each wire has its own file; what they share is that every answer is looked at.

/** The protocols that contenders speak: revision 2026-07-28, 2025-11-25, its deprecated SSE, stdio. */
export type Wire = 'modern' | 'legacy' | 'sse' | 'stdio';

export interface HttpTarget {
  readonly wire: Exclude<Wire, 'stdio'>;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Stands before each tool's name. */
  readonly prefix: string;
}

export interface StdioTarget {
  readonly wire: 'stdio';
  readonly command: string;
  readonly args: readonly string[];
}

export type Target = HttpTarget | StdioTarget;

export type Tool = 'small' | 'large';

export interface Connection {
  /** The process behind it, where this connection started one. */
  readonly pid?: number;
  /**
   * Resolves when the answer is here and holds what this seed asked for.
   *
   * @param slot which caller asks, from 0; one has one call under way at a time
   */
  call(slot: number, tool: Tool, seed: number): Promise<void>;
  /** Lets go of idle sockets; servers close them after seconds, and the next call would meet that. */
  rest(): void;
  close(): Promise<void>;
}

/** The text that an answer begins with; see server/tools.mjs. */
export function toToken(seed: number): string {
  return `k${String(seed).padStart(15, '0')}`;
}

export const CLIENT_INFO = { name: 'drawbridge-bench', version: '1.0.0' };
export const LEGACY_VERSION = '2025-11-25';
export const MODERN_VERSION = '2026-07-28';

export function toInitialize(): string {
  return JSON.stringify({
    jsonrpc: '2.0',
    id: 0,
    method: 'initialize',
    params: { protocolVersion: LEGACY_VERSION, capabilities: {}, clientInfo: CLIENT_INFO },
  });
}

export const INITIALIZED = '{"jsonrpc":"2.0","method":"notifications/initialized"}';

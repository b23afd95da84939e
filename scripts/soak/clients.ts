// The four kinds of clients: both SDKs, a modern one over bare HTTP (the bridge's fast path), and REST.
// All are asked in the same way, and what they throw is brought to one shape.
import type { Door } from '../bridge-process.ts';
import { type SdkClient, connectLegacy, connectModern } from '../sdk-clients.ts';

export const clientKinds = ['modern', 'legacy', 'raw', 'rest'] as const;
export type ClientKind = (typeof clientKinds)[number];

export interface AskOptions {
  readonly signal?: AbortSignal;
  readonly onprogress?: () => void;
}

export interface SoakClient {
  /** The text of the result. @throws Refusal, or what the network threw */
  ask(tool: string, args: Record<string, unknown>, options?: AskOptions): Promise<string>;
  close(): Promise<void>;
}

/** An answer that says no. `code` is the bridge's own where there is one. */
export class Refusal extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.name = 'Refusal';
    this.code = code;
  }
}

/** Longer than any timeout of the bridge here: the bridge is to give up first. */
const TIMEOUT_MS = 15_000;

export async function connect(kind: ClientKind, door: Door): Promise<SoakClient> {
  switch (kind) {
    case 'modern':
      return fromSdk(await connectModern(door));
    case 'legacy':
      return fromSdk(await connectLegacy(door));
    case 'raw':
      return createRawClient(door);
    case 'rest':
      return createRestClient(door);
    default:
      return kind satisfies never;
  }
}

function fromSdk(client: SdkClient): SoakClient {
  return {
    async ask(name, args, options = {}) {
      try {
        return toText(await client.call(name, args, { timeout: TIMEOUT_MS, ...options }));
      } catch (error) {
        const code = codeOf(error);
        throw code === undefined || !(error instanceof Error)
          ? error
          : new Refusal(code, error.message);
      }
    },
    close: client.close,
  };
}

/** Both SDKs put the data of a JSON-RPC error on the error they throw. */
function codeOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('data' in error)) return undefined;
  const { data } = error;
  if (typeof data !== 'object' || data === null || !('code' in data)) return undefined;
  return typeof data.code === 'string' ? data.code : undefined;
}

interface RpcAnswer {
  readonly id?: number;
  readonly result?: unknown;
  readonly error?: { readonly message: string; readonly data?: { readonly code?: string } };
}

const META = 'io.modelcontextprotocol/';

function createRawClient({ url, token }: Door): SoakClient {
  let last = 0;
  return {
    async ask(name, args, { signal, onprogress } = {}) {
      const id = (last += 1);
      const response = await fetch(`${url}/mcp`, {
        method: 'POST',
        signal: withTimeouts(signal),
        headers: {
          Authorization: `Bearer ${token}`,
          'Content-Type': 'application/json',
          Accept: 'application/json, text/event-stream',
          'Mcp-Protocol-Version': '2026-07-28',
          'Mcp-Method': 'tools/call',
          'Mcp-Name': name,
        },
        body: JSON.stringify({
          jsonrpc: '2.0',
          id,
          method: 'tools/call',
          params: {
            name,
            arguments: args,
            _meta: {
              [`${META}protocolVersion`]: '2026-07-28',
              [`${META}clientInfo`]: { name: 'raw', version: '1.0.0' },
              [`${META}clientCapabilities`]: {},
              ...(onprogress !== undefined && { progressToken: id }),
            },
          },
        }),
      });
      const messages = toMessages(await response.text(), response.headers.get('content-type'));
      for (const message of messages) if (message.id === undefined) onprogress?.();
      const answer = messages.find((message) => message.id === id);
      if (answer?.result !== undefined) return toText(answer.result);
      const { message = `HTTP ${response.status}`, data } = answer?.error ?? {};
      throw new Refusal(data?.code ?? `http/${response.status}`, message);
    },
    close: () => Promise.resolve(),
  };
}

/** The shape is the protocol's; what is missing in it shows when it is looked at. */
function toMessages(body: string, type: string | null): RpcAnswer[] {
  if (type?.startsWith('text/event-stream') !== true) return [JSON.parse(body) as RpcAnswer];
  return [...body.matchAll(/^data: (.+)$/gm)].map(([, data = '']) => JSON.parse(data) as RpcAnswer);
}

function createRestClient({ url, token }: Door): SoakClient {
  return {
    async ask(name, args, { signal } = {}) {
      const response = await fetch(`${url}/v1/tools/${name}/call`, {
        method: 'POST',
        signal: withTimeouts(signal),
        headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
        body: JSON.stringify({ arguments: args }),
      });
      // An answer, or a problem document (RFC 9457).
      const body = (await response.json()) as { result?: unknown; code?: string; detail?: string };
      if (response.ok) return toText(body.result);
      throw new Refusal(body.code ?? `http/${response.status}`, body.detail ?? '');
    },
    close: () => Promise.resolve(),
  };
}

function withTimeouts(signal: AbortSignal | undefined): AbortSignal {
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  return signal === undefined ? timeout : AbortSignal.any([signal, timeout]);
}

function toText(result: unknown): string {
  // A result of tools/call; anything else has no text, which the caller finds wrong.
  const { content, isError } = (result ?? {}) as {
    content?: { text?: string }[];
    isError?: boolean;
  };
  const text = content?.map((part) => part.text ?? '').join('\n') ?? '';
  if (isError === true) throw new Refusal('tool_error', text);
  return text;
}

// HTTP requests to a bridge, with the answers' bodies as streams. It uses node:http and not fetch: a tool may
// work for longer than fetch waits for the first byte, and loading fetch takes as long as the rest of a start.
import { Agent, type IncomingHttpHeaders, request as requestHttp } from 'node:http';
import { Agent as TlsAgent, request as requestHttps } from 'node:https';
import type { Readable } from 'node:stream';

export interface HttpRequest {
  readonly url: string;
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal?: AbortSignal;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Readable;
}

export interface Exchange {
  /** Rejects with the socket's error, or with the signal's reason. */
  send(request: HttpRequest): Promise<HttpAnswer>;
  close(): Promise<void>;
}

/** Limit for a body that is read whole; no answer of a bridge is larger. */
const MAX_BODY_BYTES = 128 * 1024 * 1024;

export function createExchange(): Exchange {
  const plain = new Agent({ keepAlive: true });
  const tls = new TlsAgent({ keepAlive: true });
  return {
    send: ({ url, method, headers, body, signal }) =>
      new Promise((resolve, reject) => {
        const secure = url.startsWith('https:');
        const options = {
          method,
          agent: secure ? tls : plain,
          headers: {
            ...headers,
            ...(body !== undefined && { 'content-length': String(Buffer.byteLength(body)) }),
          },
          ...(signal !== undefined && { signal }),
        };
        const request = (secure ? requestHttps : requestHttp)(url, options, (response) =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: response }),
        );
        request.on('error', reject);
        request.end(body);
      }),
    close: () => {
      plain.destroy();
      tls.destroy();
      return Promise.resolve();
    },
  };
}

export async function readText({ body }: HttpAnswer): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) throw new Error(`the answer is over ${MAX_BODY_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Whether the request failed before anything was sent, so that it may be sent again. */
export function isUnreachable(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'ECONNREFUSED' || code === 'ENOENT' || code === 'EHOSTUNREACH';
}

/** Whether the connection was lost during a request, which the bridge may have carried out. */
export function isBrokenOff(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'ECONNRESET' || code === 'EPIPE' || code === 'ERR_STREAM_PREMATURE_CLOSE';
}

// One request over one connection of its own, which ends with it. A connection is not kept for the next
// caller: it would be one more thing to prove about addresses, credentials and tenants.
import { connect as connectTls } from 'node:tls';
import { ToolError } from '@drawbridge/kit';
import { Client, errors } from 'undici';
import { readBody, tooLarge, type BodyLimits } from './body.ts';
import type { Connect } from './connection.ts';
import { toBareHost } from './host-check.ts';
import { toFamily } from './address.ts';
import { toPort } from './url-check.ts';

export type Method = 'GET' | 'HEAD' | 'POST';

export interface HopRequest {
  url: URL;
  method: Method;
  headers: ReadonlyMap<string, string>;
  body: string | Uint8Array | undefined;
}

export interface HopResponse {
  status: number;
  /** Names in lower case; repeated ones joined with a comma. */
  headers: Readonly<Record<string, string>>;
  body: Uint8Array;
  wireBytes: number;
}

export interface HopOptions extends BodyLimits {
  connect: Connect;
  signal: AbortSignal;
  /** Certificate authorities (PEM) in place of the usual ones. */
  ca: readonly string[] | undefined;
  /** Asked with status and headers, before the body is read; `false` leaves it. @throws ToolError */
  wantsBody: (response: Omit<HopResponse, 'body' | 'wireBytes'>) => boolean;
}

const MAX_HEADER_BYTES = 32 * 1024;

/** The scheme, host and port: what errors may show of a URL. */
export function toShownOrigin(url: URL): string {
  return JSON.stringify(url.origin.slice(0, 200));
}

async function openSocket(url: URL, { connect, signal, ca }: HopOptions) {
  const host = toBareHost(url.hostname);
  const socket = await connect({ hostname: url.hostname, port: toPort(url), signal });
  if (url.protocol === 'http:') return socket;
  return await new Promise<ReturnType<typeof connectTls>>((resolve, reject) => {
    const secure = connectTls({
      socket,
      host,
      // An address has no server name; the certificate is checked against it all the same.
      ...(toFamily(host) === undefined && { servername: host }),
      ALPNProtocols: ['http/1.1'],
      rejectUnauthorized: true,
      ...(ca !== undefined && { ca: [...ca] }),
    });
    const stop = () => secure.destroy(signal.reason);
    const settle = () => signal.removeEventListener('abort', stop);
    // Stays, as on the socket below it.
    secure.on('error', (error) => {
      settle();
      socket.destroy();
      reject(error);
    });
    secure.once('close', () => {
      settle();
      reject(new ToolError(`${toShownOrigin(url)} ended the connection in its handshake.`));
    });
    secure.once('secureConnect', () => {
      settle();
      resolve(secure);
    });
    signal.addEventListener('abort', stop, { once: true });
  });
}

function toHeaders(
  raw: Readonly<Record<string, string | string[] | undefined>>,
): Readonly<Record<string, string>> {
  const headers: Record<string, string> = Object.create(null);
  for (const [name, value] of Object.entries(raw)) {
    if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return headers;
}

/** Whatever length its headers say, which is that of another answer (RFC 9112, section 6.3). */
function hasNoBody(method: Method, status: number): boolean {
  return method === 'HEAD' || status === 204 || status === 304;
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : '';
}

function toReason(code: string): string {
  if (code === 'UND_ERR_HEADERS_OVERFLOW')
    return `sent more than ${MAX_HEADER_BYTES} bytes of headers`;
  if (code === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH') return 'sent another length than it said';
  if (code.startsWith('HPE_')) return 'does not answer in proper HTTP';
  if (/CERT|TLS|SSL|EPROTO|SELF_SIGNED|VERIFY/.test(code)) return 'has no valid certificate';
  return 'ended the connection before its answer was whole';
}

/** Every failure of the other end in words; what is no such failure as it is. */
function toFailure(error: unknown, { url, signal }: { url: URL; signal: AbortSignal }): unknown {
  if (signal.aborted) return signal.reason;
  if (error instanceof ToolError || !(error instanceof Error)) return error;
  const code = error instanceof errors.HTTPParserError ? 'HPE_' : codeOf(error);
  if (code === '') return error;
  return new ToolError(`${toShownOrigin(url)} ${toReason(code)}.`, { cause: error });
}

/** @throws ToolError */
export async function requestOnce(request: HopRequest, options: HopOptions): Promise<HopResponse> {
  const { url, method, headers, body } = request;
  const { signal, wantsBody, maxBytes, maxWireBytes } = options;
  const client = new Client(url.origin, {
    connect: (_target, done) => {
      openSocket(url, options).then(
        // oxlint-disable-next-line promise/no-callback-in-promise -- the client takes a callback only
        (socket) => done(null, socket),
        (error: unknown) => {
          // oxlint-disable-next-line promise/no-callback-in-promise -- as above
          done(error instanceof Error ? error : new Error(String(error)), null);
        },
      );
    },
    maxHeaderSize: MAX_HEADER_BYTES,
    // The deadline of the whole covers these.
    headersTimeout: 0,
    bodyTimeout: 0,
    allowH2: false,
  });
  try {
    const response = await client.request({
      path: `${url.pathname}${url.search}`,
      method,
      headers: Object.fromEntries(headers),
      signal,
      reset: true,
      ...(body !== undefined && { body }),
    });
    const answer = { status: response.statusCode, headers: toHeaders(response.headers) };
    // The client's end is an error for a body that nobody reads.
    response.body.on('error', () => undefined);
    if (!wantsBody(answer) || hasNoBody(method, answer.status))
      return { ...answer, body: new Uint8Array(), wireBytes: 0 };
    const shown = toShownOrigin(url);
    if (Number(answer.headers['content-length'] ?? 0) > maxWireBytes)
      throw tooLarge(shown, { what: 'over the wire', most: maxWireBytes });
    const encoding = answer.headers['content-encoding'] ?? '';
    const read = await readBody(response.body, { encoding, shown, signal, maxBytes, maxWireBytes });
    return { ...answer, body: read.bytes, wireBytes: read.wireBytes };
  } catch (error) {
    throw toFailure(error, { url, signal });
  } finally {
    await client.destroy();
  }
}

// Requests for http URLs, which name their target whole (RFC 9112, section 3.2.2). They are taken apart
// and written anew, so a message that two readers would end at different places is never passed on.
import { request as openRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import type { Socket } from 'node:net';
import { ToolError } from '@drawbridge/kit';
import { createDeadline } from './deadline.ts';
import { toAnswer, toProblem, toRefusal } from './proxy-problem.ts';
import { MAX_HEADER_BYTES, NO_TARGET, type ProxyRun } from './proxy-run.ts';
import { toPort } from './url-check.ts';

const WHOLE_HTTP = /^http:\/\//i;

/** Asks for the proxy's credentials; a host that says so would make programs show or drop them. */
const PROXYS_OWN = 407;

/** Between two neighbours only (RFC 9110, section 7.6.1), and what the proxy says by itself. */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  'connection',
  'expect',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authentication-info',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** The headers that go on to the other side, as they came: names and values in turns. */
function toEndToEnd({ rawHeaders, headers, statusCode }: IncomingMessage): string[] {
  const named = (headers.connection ?? '').split(',').map((name) => name.trim().toLowerCase());
  // The length is the message's own, whoever wishes it away; beside chunks and in a 204 it means nothing.
  const dropped = new Set(named.filter((name) => name !== 'content-length'));
  if (headers['transfer-encoding'] !== undefined || statusCode === 204)
    dropped.add('content-length');
  const kept: string[] = [];
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const [name = '', value = ''] = rawHeaders.slice(index, index + 2);
    const lower = name.toLowerCase();
    if (!HOP_BY_HOP.has(lower) && !dropped.has(lower)) kept.push(name, value);
  }
  return kept;
}

function withoutHost(headers: readonly string[]): string[] {
  return headers.flatMap((name, index) =>
    index % 2 === 0 && name.toLowerCase() !== 'host' ? headers.slice(index, index + 2) : [],
  );
}

function isChunked({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined;
}

function hasKnownCoding(message: IncomingMessage): boolean {
  return !isChunked(message) || message.headers['transfer-encoding']?.toLowerCase() === 'chunked';
}

/** Host and port, also of a URL that is refused; nothing else of it, which may hold a key. */
function toTarget(text: string): string {
  if (!WHOLE_HTTP.test(text) || !URL.canParse(text)) return NO_TARGET;
  const url = new URL(text);
  return `${url.hostname}:${toPort(url)}`;
}

/** @throws ToolError */
function parseTarget(request: IncomingMessage, checkUrl: (url: string) => URL): URL {
  const text = request.url ?? '';
  if (!WHOLE_HTTP.test(text)) {
    throw new ToolError('The proxy takes whole http URLs, and CONNECT for all else.', {
      allowed: 'GET http://host/path, CONNECT host:443',
    });
  }
  return checkUrl(text);
}

interface Exchange {
  request: IncomingMessage;
  response: ServerResponse;
  url: URL;
  server: Socket;
  idleMs: number;
}

/** Settles when the answer has gone out whole, and fails when either side broke off. */
async function relay({ request, response, url, server, idleMs }: Exchange): Promise<void> {
  const onward = openRequest({
    // Without an agent named: with one, and be it `false`, Node opens a connection of its own.
    createConnection: () => server,
    method: request.method ?? 'GET',
    path: `${url.pathname}${url.search}`,
    headers: [
      ...withoutHost(toEndToEnd(request)),
      'Host',
      url.host,
      'Connection',
      'close',
      // Said here, or the body of a GET would go out without its frame, as if it were a second request.
      ...(isChunked(request) ? ['Transfer-Encoding', 'chunked'] : []),
    ],
    maxHeaderSize: MAX_HEADER_BYTES,
    insecureHTTPParser: false,
  });
  // As of the server: a frame that is not seen is not kept.
  onward.maxHeadersCount = 0;
  server.setTimeout(idleMs, () => server.destroy());
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    onward.once('response', resolve);
    onward.on('error', reject);
    onward.once('upgrade', () => reject(new Error('The host changes the protocol unasked.')));
    onward.once('close', () => reject(new Error('The host ended the connection.')));
  });
  // The body may end early when the host answers before it has read all; its answer counts then.
  const sent = pipeline(request, onward);
  sent.catch(() => server.destroy());
  const answer = await Promise.race([answered, sent.then(() => answered)]);
  if (!hasKnownCoding(answer)) throw new Error('The host answers in an unknown transfer coding.');
  const { statusCode = 0 } = answer;
  if (statusCode < 200 || statusCode === PROXYS_OWN)
    throw new Error('The host answers what is not for it to say.');
  response.writeHead(statusCode, toEndToEnd(answer));
  await pipeline(answer, response);
}

async function forwardOne(
  request: IncomingMessage,
  response: ServerResponse,
  run: ProxyRun,
): Promise<void> {
  const { checkUrl, connect, connectMs, idleMs, signal, track, refuse } = run;
  const deadline = createDeadline({
    signal,
    timeoutMs: connectMs,
    toError: () => new Error('The host did not answer in time.'),
  });
  const { socket } = request;
  let server: Socket | undefined;
  const leave = () => {
    deadline.abort(new Error('The program has gone.'));
    server?.destroy();
  };
  socket.once('close', leave);
  try {
    if (!hasKnownCoding(request)) {
      toAnswer(response, toProblem(501, 'Of transfer codings, chunked alone is known.'));
      return;
    }
    const url = parseTarget(request, checkUrl);
    server = await connect({ hostname: url.hostname, port: toPort(url), signal: deadline.signal });
    track(server);
    deadline.close();
    await relay({ request, response, url, server, idleMs });
  } catch (error) {
    refuse(toTarget(request.url ?? ''), error);
    toAnswer(response, toRefusal(error));
  } finally {
    deadline.close();
    socket.off('close', leave);
    server?.destroy();
  }
}

export function createForward(run: ProxyRun) {
  return (request: IncomingMessage, response: ServerResponse): void => {
    void forwardOne(request, response, run);
  };
}

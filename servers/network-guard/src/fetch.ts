// A request with its redirects. Each hop is a new request: its URL is checked as the first one was, its
// name resolved and checked again, and what may be a credential stays with the origin it was meant for.
import { ToolError } from '@drawbridge/kit';
import { ACCEPTED_ENCODINGS } from './body.ts';
import type { Connect } from './connection.ts';
import { orAborted } from './deadline.ts';
import { checkHeaders, toOtherOrigin, withoutBody } from './headers.ts';
import { requestOnce, toShownOrigin, type HopRequest, type Method } from './request.ts';

export interface FetchOptions {
  /** Cancels. */
  signal: AbortSignal;
  /** GET unless given. */
  method?: Method;
  headers?: Readonly<Record<string, string>>;
  /** Of a POST. */
  body?: string | Uint8Array;
  /** Milliseconds for everything, redirects and body included; 30,000 unless given. */
  timeoutMs?: number;
  /** Bytes of the body as they come; 10 MB unless given. */
  maxWireBytes?: number;
  /** Bytes of the body unpacked; 20 MB unless given. */
  maxBytes?: number;
  /** 5 unless given. With 0 a redirect is refused. */
  maxRedirects?: number;
  /** Asked before each redirect is followed, for a scope or robots.txt. Throws to refuse. */
  onRedirect?: (target: URL) => void | Promise<void>;
  /** Types that a successful answer may have, as in `text/*`; any unless given. */
  contentTypes?: readonly string[];
}

export interface GuardedResponse {
  /** Where the answer came from, after all redirects. */
  url: string;
  status: number;
  /** Names in lower case, without prototype; repeated ones joined with a comma. */
  headers: Readonly<Record<string, string>>;
  /** Unpacked. */
  body: Uint8Array;
  /** Bytes of the body as they came. */
  wireBytes: number;
  /** The redirects that led here, in their order. */
  redirects: readonly { url: string; status: number }[];
}

export const DEFAULT_TIMEOUT_MS = 30_000;
const MAX_WIRE_BYTES = 10 * 1024 * 1024;
const MAX_BYTES = 20 * 1024 * 1024;
const MAX_REDIRECTS = 5;

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

export interface FetchContext {
  checkUrl: (url: string) => URL;
  connect: Connect;
  ca: readonly string[] | undefined;
  /** Of the whole, deadline included. */
  signal: AbortSignal;
}

function assertContentType(url: URL, type: string, allowed: readonly string[]): void {
  const [essence = ''] = type.toLowerCase().split(';');
  const name = essence.trim();
  const fits = allowed.some((each) =>
    each.endsWith('/*') ? name.startsWith(each.slice(0, -1)) : name === each,
  );
  if (fits) return;
  throw new ToolError(
    `The answer of ${toShownOrigin(url)} has the type ${JSON.stringify(name.slice(0, 100))}.`,
    { allowed: allowed.join(', ') },
  );
}

/** The request that a redirect asks for. @throws ToolError */
function toNext(
  { url, method, headers, body }: HopRequest,
  { status, target }: { status: number; target: URL },
): HopRequest {
  const kept = target.origin === url.origin ? headers : toOtherOrigin(headers);
  if (method === 'POST' && status < 307)
    return { url: target, method: 'GET', headers: withoutBody(kept), body: undefined };
  if (method === 'POST' && target.origin !== url.origin) {
    throw new ToolError(
      `${toShownOrigin(url)} asks to send the same data to ${toShownOrigin(target)}.`,
      { allowed: 'data to the origin it was meant for' },
    );
  }
  return { url: target, method, headers: kept, body };
}

function parseTarget(location: string, from: URL, check: (url: string) => URL): URL {
  if (!URL.canParse(location, from.href))
    throw new ToolError(`${toShownOrigin(from)} redirects to something that is no URL.`);
  const target = new URL(location, from.href);
  try {
    return check(target.href);
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    throw new ToolError(
      `${toShownOrigin(from)} redirects to where nobody may go. ${error.message}`,
      {
        cause: error,
      },
    );
  }
}

function toFirst(url: URL, { method = 'GET', headers = {}, body, contentTypes }: FetchOptions) {
  if (body !== undefined && method !== 'POST')
    throw new ToolError(`A ${method} has no body.`, { allowed: 'a body with POST' });
  const given = checkHeaders(headers);
  const defaults: [string, string][] = [
    ['accept', contentTypes?.join(', ') ?? '*/*'],
    ['accept-encoding', ACCEPTED_ENCODINGS],
    ['user-agent', 'Drawbridge'],
  ];
  return { url, method, headers: new Map([...defaults, ...given]), body };
}

/** @throws ToolError */
export async function fetchGuarded(
  url: string,
  options: FetchOptions,
  { checkUrl, connect, ca, signal }: FetchContext,
): Promise<GuardedResponse> {
  const { maxWireBytes = MAX_WIRE_BYTES, maxBytes = MAX_BYTES } = options;
  const { maxRedirects = MAX_REDIRECTS, contentTypes, onRedirect } = options;
  const redirects: { url: string; status: number }[] = [];
  let request: HopRequest = toFirst(checkUrl(url), options);
  for (;;) {
    const here = request.url;
    const response = await requestOnce(request, {
      connect,
      signal,
      ca,
      maxWireBytes,
      maxBytes,
      wantsBody({ status, headers }) {
        if (REDIRECTS.has(status) && headers['location'] !== undefined) return false;
        if (contentTypes !== undefined && status < 300 && status !== 204)
          assertContentType(here, headers['content-type'] ?? '', contentTypes);
        return true;
      },
    });
    const { status, headers } = response;
    const location = headers['location'];
    if (location === undefined || !REDIRECTS.has(status))
      return { ...response, url: here.href, redirects };
    if (redirects.length >= maxRedirects) {
      throw new ToolError(`${toShownOrigin(here)} redirects further.`, {
        allowed: `${maxRedirects} redirects`,
      });
    }
    redirects.push({ url: here.href, status });
    const target = parseTarget(location, here, checkUrl);
    target.hash = '';
    if (
      redirects.some((each) => each.url.split('#')[0] === target.href) &&
      request.method !== 'POST'
    )
      throw new ToolError(`${toShownOrigin(here)} redirects in a circle.`);
    if (onRedirect !== undefined) await orAborted(Promise.resolve(onRedirect(target)), signal);
    request = toNext(request, { status, target });
  }
}

// Guards against requests that other sites make a browser send: to loopback, or to a name of theirs that
// resolves to 127.0.0.1 (DNS rebinding). Host and Origin are checked on every route, before anything else.
import type { MiddlewareHandler } from 'hono';
import { cors } from 'hono/cors';
import { DrawbridgeError } from '../../errors.ts';
import { LOOPBACK_HOSTS } from '../../loopback.ts';

export interface HostGuardOptions {
  /** Host names without port that requests may name, besides loopback's. */
  readonly allowedHosts: () => readonly string[];
  /** Origins that browsers may call from. */
  readonly origins: () => readonly string[];
}

const EXPOSED = 'Mcp-Session-Id,WWW-Authenticate,X-Request-Id';

export function createHostGuard({ allowedHosts, origins }: HostGuardOptions): MiddlewareHandler {
  return async (c, next) => {
    const host = toHostname(c.req.header('host'));
    if (host === undefined || !(LOOPBACK_HOSTS.has(host) || allowedHosts().includes(host))) {
      throw new DrawbridgeError(
        'auth/forbidden',
        `The host ${c.req.header('host') ?? '(none)'} is not allowed; name it under drawbridge.allowedHosts.`,
      );
    }
    const origin = c.req.header('origin');
    if (origin !== undefined && !isOwn(origin, c.req.url) && !origins().includes(origin)) {
      throw new DrawbridgeError(
        'auth/forbidden',
        `The origin ${origin} is not allowed; name it under drawbridge.cors.origins.`,
      );
    }
    await next();
  };
}

/**
 * Sets the CORS headers on the finished answer. Hono's own middleware sets them before the route runs, and
 * then Hono copies every answer into a new Response, whose body is a stream.
 */
export function createCors(origins: () => readonly string[]): MiddlewareHandler {
  const preflight = cors({
    origin: (origin) => (origins().includes(origin) ? origin : null),
    allowHeaders: [
      'Authorization',
      'Content-Type',
      'Idempotency-Key',
      'Last-Event-ID',
      'Mcp-Method',
      'Mcp-Name',
      'Mcp-Protocol-Version',
      'Mcp-Session-Id',
    ],
    maxAge: 600,
  });
  return async (c, next) => {
    if (c.req.method === 'OPTIONS') return preflight(c, next);
    await next();
    const origin = c.req.header('origin');
    const { headers } = c.res;
    if (origin !== undefined && origins().includes(origin))
      headers.set('Access-Control-Allow-Origin', origin);
    headers.set('Access-Control-Expose-Headers', EXPOSED);
    headers.append('Vary', 'Origin');
  };
}

function toHostname(header: string | undefined): string | undefined {
  if (header === undefined) return undefined;
  try {
    return new URL(`http://${header}`).hostname;
  } catch (error) {
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}

/** A page that the bridge itself served: same scheme, host and port. */
function isOwn(origin: string, url: string): boolean {
  return origin === new URL(url).origin;
}

// When a stored answer may be used again (RFC 9111), for a private cache: pure functions of headers and
// times. Where a header cannot be read, the answer counts as stale.

type Headers = Readonly<Record<string, string>>;

export interface Received {
  status: number;
  /** Milliseconds, as `Date.now()`. */
  requestedAt: number;
  receivedAt: number;
}

export interface Freshness {
  isStorable: boolean;
  /** Milliseconds from `receivedAt` in which it needs no question; age on the way is taken off. */
  lifetimeMs: number;
}

/** Whose answers may be kept; 206 and the like would need more. */
const STORED: ReadonlySet<number> = new Set([200, 203, 404, 410]);
const MAX_SECONDS = 2 ** 31;
const HEURISTIC_MS = 24 * 60 * 60 * 1000;

/** Names in lower case; of repeated ones all values. */
export function parseCacheControl(header: string | undefined): Map<string, string[]> {
  const directives = new Map<string, string[]>();
  const pattern = /([!#$%&'*+\-.^_`|~0-9A-Za-z]+)(?:=(?:"((?:[^"\\]|\\.)*)"|([^\s,;"]*)))?/g;
  for (const [, name = '', quoted, plain] of (header ?? '').slice(0, 4096).matchAll(pattern)) {
    const key = name.toLowerCase();
    directives.set(key, [...(directives.get(key) ?? []), quoted ?? plain ?? '']);
  }
  return directives;
}

function toSeconds(values: readonly string[]): number {
  // Several that differ, or something else than digits: stale (RFC 9111, 4.2.1).
  const [first = ''] = values;
  if (values.some((value) => value !== first) || !/^\d{1,20}$/.test(first)) return 0;
  return Math.min(Number(first), MAX_SECONDS);
}

/** An HTTP date, which begins with a day; `Date.parse` alone takes `0` for a year. */
function parseDate(text: string): number {
  return /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)/.test(text) ? Date.parse(text) : Number.NaN;
}

export function toFreshness(headers: Headers, received: Received): Freshness {
  const { status, requestedAt, receivedAt } = received;
  const control = parseCacheControl(headers['cache-control']);
  const isStorable =
    STORED.has(status) && !control.has('no-store') && !/\*/.test(headers['vary'] ?? '');
  if (!isStorable || control.has('no-cache')) return { isStorable, lifetimeMs: 0 };
  const date = parseDate(headers['date'] ?? '');
  const sent = Number.isNaN(date) ? receivedAt : date;
  const lifetime = () => {
    const maxAge = control.get('max-age');
    if (maxAge !== undefined) return toSeconds(maxAge) * 1000;
    const expires = headers['expires'];
    if (expires !== undefined) {
      const at = parseDate(expires);
      return Number.isNaN(at) ? 0 : at - sent;
    }
    const modified = parseDate(headers['last-modified'] ?? '');
    return Number.isNaN(modified) ? 0 : Math.min((sent - modified) / 10, HEURISTIC_MS);
  };
  const age = headers['age'] === undefined ? 0 : toSeconds([headers['age'].trim()]) * 1000;
  const corrected = Math.max(receivedAt - sent, age + (receivedAt - requestedAt), 0);
  return { isStorable, lifetimeMs: Math.max(lifetime() - corrected, 0) };
}

/** The headers that ask whether a stored answer still holds; none when it has no validator. */
export function toConditions(headers: Headers): Record<string, string> {
  const { etag, 'last-modified': modified } = headers;
  return {
    ...(etag !== undefined && { 'if-none-match': etag }),
    ...(modified !== undefined && { 'if-modified-since': modified }),
  };
}

/** What a 304 makes of the headers that were stored (RFC 9111, 3.2). */
export function mergeHeaders(stored: Headers, update: Headers): Headers {
  const kept = Object.entries(update).filter(
    ([name]) => !/^(?:content-(?:length|encoding|type|range)|transfer-encoding)$/.test(name),
  );
  return { ...stored, ...Object.fromEntries(kept) };
}

// Gets one URL as a well-behaved client: robots.txt first, then the cache, then its turn at the host, then
// the network guard. Every server answer that a tool works on comes through here.
import { ToolError, type CallContext } from '@drawbridge/kit';
import type { GuardedResponse, NetworkGuard } from '@drawbridge/network-guard';
import { LRUCache } from 'lru-cache';
import { createFairQueue } from './fair-queue.ts';
import { mergeHeaders, toConditions, toFreshness } from './freshness.ts';
import { createRobots, type Robots } from './robots.ts';
import type { Settings } from './settings.ts';

const MB = 1024 * 1024;
const CACHE_BYTES = 64 * MB;
/** Of them one principal's. */
const CACHE_BYTES_EACH = 16 * MB;
const CACHE_PARTITIONS = 64;
const MAX_WAITING = 100;
const MAX_WAITING_EACH = 40;
const MAX_CRAWL_DELAY_MS = 10_000;

/** What a caller asks of one request, in the server's limits. */
export interface RequestLimits {
  timeoutMs: number;
  maxBytes: number;
}

export interface RetrieveOptions extends RequestLimits {
  context: Pick<CallContext, 'caller' | 'signal'>;
  method?: 'GET' | 'HEAD';
  /** Ask the host even when a stored answer is fresh. */
  refresh?: boolean;
}

export interface Retrieved extends Pick<
  GuardedResponse,
  'url' | 'status' | 'headers' | 'body' | 'redirects'
> {
  /** `hit`: from memory, unasked; `revalidated`: from memory, and the host said that it holds. */
  cache: 'hit' | 'revalidated' | 'miss';
}

interface Stored extends Omit<Retrieved, 'cache'> {
  freshUntil: number;
}

export interface Retrieve {
  (url: string, options: RetrieveOptions): Promise<Retrieved>;
  readonly robots: Robots;
  /** @throws ToolError */
  checkUrl(url: string): URL;
}

/** Two callers share nothing that one of them could learn the other's reading from. */
export function toPartition({ tenant, principal }: CallContext['caller']): string {
  return JSON.stringify([tenant, principal]);
}

function sizeOf({ url, headers, body }: Stored): number {
  return 1024 + url.length * 2 + JSON.stringify(headers).length * 2 + body.byteLength;
}

function createResponseCache() {
  const partitions = new LRUCache<string, LRUCache<string, Stored>>({
    max: CACHE_PARTITIONS,
  });
  const total = () =>
    [...partitions.values()].reduce((bytes, each) => bytes + each.calculatedSize, 0);
  return {
    get: (partition: string, url: string) => partitions.get(partition)?.get(url),
    delete: (partition: string, url: string) => partitions.get(partition)?.delete(url),
    set(partition: string, stored: Stored) {
      const own =
        partitions.get(partition) ??
        new LRUCache<string, Stored>({
          maxSize: CACHE_BYTES_EACH,
          maxEntrySize: CACHE_BYTES_EACH / 2,
          sizeCalculation: sizeOf,
        });
      own.set(stored.url, stored);
      partitions.set(partition, own);
      while (partitions.size > 1 && total() > CACHE_BYTES) partitions.pop();
    },
  };
}

export function createRetrieve(guard: NetworkGuard, settings: Settings): Retrieve {
  const { userAgent, hostDelayMs, maxWireBytes } = settings;
  const robots = createRobots(guard, settings);
  const cache = createResponseCache();
  const hosts = createFairQueue({
    maxWaiting: MAX_WAITING,
    maxOfMember: MAX_WAITING_EACH,
    toError: (host, waiting) =>
      new ToolError(`${waiting} requests wait for ${JSON.stringify(host.slice(0, 200))} already.`, {
        allowed: `${MAX_WAITING_EACH} of one caller, ${MAX_WAITING} in all`,
        hint: 'again when earlier calls have been answered',
      }),
  });

  const send = async (
    target: URL,
    { context, timeoutMs, maxBytes, method = 'GET' }: RetrieveOptions,
    conditions: Readonly<Record<string, string>>,
  ): Promise<GuardedResponse> => {
    const ended = new AbortController();
    const signal = AbortSignal.any([context.signal, ended.signal]);
    let release = () => {};
    let host = '';
    const takeTurn = async (url: URL) => {
      const { crawlDelay = 0 } = await robots.assertAllowed(url, signal);
      if (url.host === host) return;
      // The host before has answered. To keep its turn would make two that cross wait for each other.
      release();
      host = url.host;
      release = await hosts.acquire(host, {
        member: toPartition(context.caller),
        signal,
        gapMs: Math.max(hostDelayMs, Math.min(crawlDelay * 1000, MAX_CRAWL_DELAY_MS)),
      });
      if (signal.aborted) release();
    };
    try {
      await takeTurn(target);
      return await guard.fetch(target, {
        signal: context.signal,
        method,
        timeoutMs,
        maxBytes,
        maxWireBytes: Math.min(maxWireBytes, maxBytes),
        headers: {
          'user-agent': userAgent,
          accept: 'text/html,application/xhtml+xml,text/*;q=0.9,*/*;q=0.8',
          ...conditions,
        },
        onRedirect: takeTurn,
      });
    } finally {
      ended.abort(new ToolError('The request is over.'));
      release();
    }
  };

  const retrieve = async (url: string, options: RetrieveOptions): Promise<Retrieved> => {
    const { context, method = 'GET', refresh = false, maxBytes } = options;
    const target = guard.checkUrl(url);
    target.hash = '';
    const partition = toPartition(context.caller);
    const found = method === 'GET' ? cache.get(partition, target.href) : undefined;
    const stored = found !== undefined && found.body.byteLength <= maxBytes ? found : undefined;
    if (stored !== undefined && !refresh && stored.freshUntil > Date.now()) {
      await robots.assertAllowed(target, context.signal);
      return { ...stored, redirects: [], cache: 'hit' };
    }
    const requestedAt = Date.now();
    const conditions = stored === undefined ? {} : toConditions(stored.headers);
    let response = await send(target, options, conditions);
    const isNotModified = response.status === 304;
    if (isNotModified && (stored === undefined || response.redirects.length > 0)) {
      // It speaks of another resource than the one that is stored.
      response = await send(target, options, {});
    } else if (isNotModified && stored !== undefined) {
      const headers = mergeHeaders(stored.headers, response.headers);
      const times = { status: stored.status, requestedAt, receivedAt: Date.now() };
      const { isStorable, lifetimeMs } = toFreshness(headers, times);
      const { body, status } = stored;
      const freshUntil = times.receivedAt + lifetimeMs;
      const renewed = { url: target.href, status, headers, body, redirects: [], freshUntil };
      if (isStorable) cache.set(partition, renewed);
      else cache.delete(partition, target.href);
      return { ...renewed, cache: 'revalidated' };
    }
    if (method === 'GET') {
      const { url: final, status, headers, body, redirects } = response;
      const times = { status, requestedAt, receivedAt: Date.now() };
      const { isStorable, lifetimeMs } = toFreshness(headers, times);
      const isUseful = lifetimeMs > 0 || Object.keys(toConditions(headers)).length > 0;
      const key = new URL(final);
      key.hash = '';
      const freshUntil = times.receivedAt + lifetimeMs;
      if (isStorable && isUseful)
        cache.set(partition, { url: key.href, status, headers, body, redirects, freshUntil });
      else cache.delete(partition, key.href);
    }
    return { ...response, cache: 'miss' };
  };
  return Object.assign(retrieve, { robots, checkUrl: (url: string) => guard.checkUrl(url) });
}

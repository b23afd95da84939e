// The only way out to the network: one decision about hosts, used by requests and by the proxies alike.
import { ToolError } from '@drawbridge/kit';
import { createAllowedHosts } from './allowed-hosts.ts';
import { createConnect } from './connection.ts';
import { createDeadline, type Deadline } from './deadline.ts';
import {
  DEFAULT_TIMEOUT_MS,
  fetchGuarded,
  type FetchOptions,
  type GuardedResponse,
} from './fetch.ts';
import { createHostCheck } from './host-check.ts';
import { listOwnNetworks } from './own-networks.ts';
import { openProxy, type Proxy, type ProxyOptions } from './proxy.ts';
import { createSystemResolver, type Resolve } from './resolver.ts';
import { checkUrl } from './url-check.ts';

export interface NetworkGuardOptions {
  /** Hosts that the operator allows although they are private; `parseAllowedHosts` reads the setting. */
  allowHosts?: readonly string[];
  /** Ports of public hosts; 80 and 443 unless given. An allowed host has its port, or any without one. */
  ports?: readonly number[];
  /** All addresses of a name; the system's resolver unless given. */
  resolve?: Resolve;
  /** The networks that this machine stands in, as `address/prefix`; those of its interfaces unless given. */
  listOwnNetworks?: () => readonly string[];
  /** Certificate authorities (PEM) in place of the usual ones. */
  ca?: readonly string[];
}

export interface NetworkGuard {
  /** Checks all that needs no network: scheme, user, port, host, addresses in every form. @throws ToolError */
  checkUrl(url: string): URL;
  /** One request with its redirects, each hop checked and pinned anew. @throws ToolError */
  fetch(url: string | URL, options: FetchOptions): Promise<GuardedResponse>;
  /** A proxy on 127.0.0.1 with credentials of its own. */
  openProxy(options?: ProxyOptions): Promise<Proxy>;
  /** Ends every request and every proxy. */
  close(): Promise<void>;
}

const CLOSED = 'The network guard is closed.';

function toSeconds(ms: number): string {
  return `${Math.round(ms / 100) / 10} s`;
}

/** @throws Error when an allowed host cannot be read */
export function createNetworkGuard(options: NetworkGuardOptions = {}): NetworkGuard {
  const { allowHosts = [], ports = [80, 443], resolve = createSystemResolver(), ca } = options;
  const ownPorts = new Set<number>();
  const hosts = createHostCheck({
    allowed: createAllowedHosts(allowHosts),
    ports,
    resolve,
    listOwnNetworks: options.listOwnNetworks ?? listOwnNetworks,
    isOwnPort: (port) => ownPorts.has(port),
  });
  const connect = createConnect(hosts);
  const deadlines = new Set<Deadline>();
  const proxies = new Set<Promise<Proxy>>();
  let closed: Promise<void> | undefined;

  const check = (url: string) => checkUrl(url, hosts);
  const assertOpen = () => {
    if (closed !== undefined) throw new ToolError(CLOSED);
  };

  const open = async (proxyOptions: ProxyOptions): Promise<Proxy> => {
    let port = 0;
    const proxy = await openProxy(proxyOptions, {
      checkUrl: check,
      connect,
      onListening(listening) {
        port = listening;
        ownPorts.add(port);
      },
    });
    return {
      url: proxy.url,
      async close() {
        await proxy.close();
        ownPorts.delete(port);
      },
    };
  };

  return {
    checkUrl: check,
    async fetch(url, fetchOptions) {
      assertOpen();
      const { signal, timeoutMs = DEFAULT_TIMEOUT_MS } = fetchOptions;
      signal.throwIfAborted();
      const deadline = createDeadline({
        signal,
        timeoutMs,
        toError: () =>
          new ToolError(`The answer took more than ${toSeconds(timeoutMs)}.`, {
            hint: 'later, or another address of the same content',
          }),
      });
      deadlines.add(deadline);
      try {
        return await fetchGuarded(String(url), fetchOptions, {
          checkUrl: check,
          connect,
          ca,
          signal: deadline.signal,
        });
      } finally {
        deadline.close();
        deadlines.delete(deadline);
      }
    },
    async openProxy(proxyOptions = {}) {
      assertOpen();
      const opening = open(proxyOptions);
      proxies.add(opening);
      try {
        const proxy = await opening;
        return {
          url: proxy.url,
          async close() {
            await proxy.close();
            proxies.delete(opening);
          },
        };
      } catch (error) {
        proxies.delete(opening);
        throw error;
      }
    },
    close() {
      closed ??= (async () => {
        for (const deadline of deadlines) deadline.abort(new ToolError(CLOSED));
        const opened = await Promise.allSettled(proxies);
        await Promise.all(
          opened.map((each) => (each.status === 'fulfilled' ? each.value.close() : undefined)),
        );
      })();
      return closed;
    },
  };
}

// The only way out to the network for all servers.
export { parseAllowedHosts } from './allowed-hosts.ts';
export type { FetchOptions, GuardedResponse } from './fetch.ts';
export { createNetworkGuard, type NetworkGuard, type NetworkGuardOptions } from './guard.ts';
export type { Proxy, ProxyOptions } from './proxy.ts';

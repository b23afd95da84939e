// Decides which hosts may be reached, first by what the URL says, then by every address that its name
// resolves to. A name that does not exist and one that is private are refused in the same words, so that
// nobody learns the names of a private network from the answers.
import { ToolError } from '@drawbridge/kit';
import { isLoopback, isPublicAddress, toFamily } from './address.ts';
import { isHostName, type AllowedHosts } from './allowed-hosts.ts';
import { orAborted } from './deadline.ts';
import { isInNetworks } from './own-networks.ts';
import type { Resolve } from './resolver.ts';

export interface HostCheckOptions {
  allowed: AllowedHosts;
  ports: readonly number[];
  resolve: Resolve;
  /** The networks that this machine stands in, as `address/prefix`. */
  listOwnNetworks: () => readonly string[];
  /** Whether the guard itself listens on the port, on loopback. */
  isOwnPort: (port: number) => boolean;
}

export interface HostCheck {
  /** What the operator lets callers reach, in words. */
  readonly allowed: string;
  /** Checks what needs no network. @throws ToolError */
  assertHost(hostname: string, port: number): void;
  /** The addresses that may be connected to; each of the name's was checked. @throws ToolError */
  resolveHost(
    hostname: string,
    options: { port: number; signal: AbortSignal },
  ): Promise<readonly string[]>;
}

/** More addresses than any real name has. */
const MOST_ADDRESSES = 64;

/** Without the brackets that URLs put around IPv6 addresses. */
export function toBareHost(hostname: string): string {
  return hostname.startsWith('[') && hostname.endsWith(']') ? hostname.slice(1, -1) : hostname;
}

/** The host and port as an error shows them. */
export function toShownHost(hostname: string, port: number): string {
  const bare = toBareHost(hostname);
  const shown = bare.length > 100 ? `${bare.slice(0, 100)}…` : bare;
  return JSON.stringify(bare.includes(':') ? `[${shown}]:${port}` : `${shown}:${port}`);
}

function isLocalhostName(name: string): boolean {
  return name === 'localhost' || name.endsWith('.localhost');
}

export function createHostCheck(options: HostCheckOptions): HostCheck {
  const { allowed: hosts, ports, resolve, listOwnNetworks, isOwnPort } = options;
  const allowed = `public hosts on port ${ports.join(' or ')}, and hosts that the operator allows with DRAWBRIDGE_ALLOW_HOSTS`;

  const isAllowedAddress = (address: string, port: number) => {
    if (isLoopback(address) && isOwnPort(port)) return false;
    if (hosts.hasAddress(address, port)) return true;
    if (!ports.includes(port) || !isPublicAddress(address)) return false;
    return !isInNetworks(address, listOwnNetworks());
  };

  const toPortError = (hostname: string, port: number) =>
    new ToolError(`${toShownHost(hostname, port)} is refused because of its port.`, { allowed });

  const assertAddress = (address: string, port: number) => {
    if (isAllowedAddress(address, port)) return;
    // A private host and its open ports are nobody's business, so the port is named for public ones only.
    if (isPublicAddress(address) && !ports.includes(port)) throw toPortError(address, port);
    throw new ToolError(`${toShownHost(address, port)} is not a public address.`, { allowed });
  };

  const assertHost = (hostname: string, port: number) => {
    const host = toBareHost(hostname);
    if (toFamily(host) !== undefined) {
      assertAddress(host, port);
      return;
    }
    if (!isHostName(host)) {
      throw new ToolError(`${toShownHost(host, port)} is no host name.`, {
        allowed: 'letters, digits, "-" and "_" between single dots, without a dot at the end',
      });
    }
    if (hosts.hasName(host, port)) return;
    if (isLocalhostName(host))
      throw new ToolError(`${toShownHost(host, port)} is this machine.`, { allowed });
    if (!ports.includes(port) && !hosts.hasAddressWithPort(port)) throw toPortError(host, port);
  };

  const toUnresolved = (hostname: string, port: number, cause?: unknown) =>
    new ToolError(`${toShownHost(hostname, port)} has no public address.`, {
      allowed,
      hint: 'check how the name is written',
      cause,
    });

  const lookUp = async (hostname: string, port: number, signal: AbortSignal) => {
    try {
      return await orAborted(resolve(hostname, { signal }), signal);
    } catch (error) {
      if (signal.aborted) throw error;
      throw toUnresolved(hostname, port, error);
    }
  };

  return {
    allowed,
    assertHost,
    async resolveHost(hostname, { port, signal }) {
      assertHost(hostname, port);
      const host = toBareHost(hostname);
      if (toFamily(host) !== undefined) return [host];
      const addresses = await lookUp(host, port, signal);
      const isAllowed = (address: string) =>
        hosts.hasName(host, port)
          ? toFamily(address) !== undefined && !(isLoopback(address) && isOwnPort(port))
          : isAllowedAddress(address, port);
      if (addresses.length === 0 || addresses.length > MOST_ADDRESSES)
        throw toUnresolved(host, port);
      if (!addresses.every(isAllowed)) throw toUnresolved(host, port);
      return addresses;
    },
  };
}

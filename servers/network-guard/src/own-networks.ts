// The networks that this machine stands in. Their addresses may be public ones, and still a request from
// here passes no firewall on its way to them: to this machine itself, and to its neighbours.
import { networkInterfaces } from 'node:os';
import { createRange, toFamily } from './address.ts';

/** A wider prefix is a tunnel's, which claims much of the internet; then only the address itself counts. */
const WIDEST = { ipv4: 16, ipv6: 48 };

/** The networks of the interfaces, as `address/prefix`. */
export function listOwnNetworks(): string[] {
  return Object.values(networkInterfaces()).flatMap((addresses = []) =>
    addresses.flatMap(({ address, cidr }) => cidr ?? address),
  );
}

export function isInNetworks(address: string, networks: readonly string[]): boolean {
  return networks.some((network) => {
    const [own = '', prefix] = network.split('/');
    const family = toFamily(own);
    if (family === undefined) return false;
    const whole = family === 'ipv4' ? 32 : 128;
    const bits = prefix === undefined ? whole : Number(prefix);
    return createRange(family, [[own, bits < WIDEST[family] ? whole : bits]])(address);
  });
}

// Which addresses belong to the public internet. Of IPv6 only the global unicast block is public, less
// what IANA's special-purpose registry takes from it, so every form that carries an IPv4 address inside
// (mapped, compatible, NAT64, 6to4, Teredo, site-local and ULA besides) is refused without being listed.
import { BlockList, isIP } from 'node:net';

export type Family = 'ipv4' | 'ipv6';

const SPECIAL_IPV4: readonly (readonly [string, number])[] = [
  ['0.0.0.0', 8], // this network, unspecified
  ['10.0.0.0', 8], // private
  ['100.64.0.0', 10], // carrier-grade NAT
  ['127.0.0.0', 8], // loopback
  ['168.63.129.16', 32], // Azure's platform service, reached from within its machines only
  ['169.254.0.0', 16], // link-local, metadata services
  ['172.16.0.0', 12], // private
  ['192.0.0.0', 24], // IETF protocol assignments
  ['192.0.2.0', 24], // documentation
  ['192.31.196.0', 24], // AS112
  ['192.52.193.0', 24], // AMT
  ['192.88.99.0', 24], // 6to4 relays
  ['192.168.0.0', 16], // private
  ['192.175.48.0', 24], // AS112
  ['198.18.0.0', 15], // benchmarking
  ['198.51.100.0', 24], // documentation
  ['203.0.113.0', 24], // documentation
  ['224.0.0.0', 4], // multicast
  ['240.0.0.0', 4], // reserved, broadcast
];

const SPECIAL_IPV6: readonly (readonly [string, number])[] = [
  ['2001::', 23], // IETF protocol assignments: Teredo, benchmarking, ORCHID
  ['2001:db8::', 32], // documentation
  ['2002::', 16], // 6to4
  ['2620:4f:8000::', 48], // AS112
  ['3fff::', 20], // documentation
];

/** Node's list takes an IPv4-mapped address for its IPv4 address, so a list holds one family only. */
export function createRange(family: Family, subnets: readonly (readonly [string, number])[]) {
  const range = new BlockList();
  for (const [net, prefix] of subnets) range.addSubnet(net, prefix, family);
  return (address: string) => toFamily(address) === family && range.check(address, family);
}

const isSpecialIpv4 = createRange('ipv4', SPECIAL_IPV4);
const isSpecialIpv6 = createRange('ipv6', SPECIAL_IPV6);
const isGlobalUnicast = createRange('ipv6', [['2000::', 3]]);
const isHere = createRange('ipv4', [
  ['127.0.0.0', 8],
  ['0.0.0.0', 8],
]);
const isHereIpv6 = createRange('ipv6', [
  ['::', 127],
  ['::ffff:127.0.0.0', 104],
  ['::ffff:0.0.0.0', 104],
]);

/** Nothing for what is no address, and for an address with a zone, which names an interface. */
export function toFamily(address: string): Family | undefined {
  if (address.includes('%')) return undefined;
  const version = isIP(address);
  if (version === 0) return undefined;
  return version === 4 ? 'ipv4' : 'ipv6';
}

export function isPublicAddress(address: string): boolean {
  switch (toFamily(address)) {
    case 'ipv4':
      return !isSpecialIpv4(address);
    case 'ipv6':
      return isGlobalUnicast(address) && !isSpecialIpv6(address);
    case undefined:
      return false;
  }
}

/** Whether a connection to the address ends in this machine's loopback, the unspecified one included. */
export function isLoopback(address: string): boolean {
  return isHere(address) || isHereIpv6(address);
}

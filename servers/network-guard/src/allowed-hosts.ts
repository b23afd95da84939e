// The hosts that the operator allows although they are not public: names, addresses and ranges, each with
// a port or without. Nothing is guessed: an entry that could mean two things stops the start.
import { createRange, toFamily } from './address.ts';

interface AllowedName {
  readonly name: string;
  readonly port: number | undefined;
}

interface AllowedRange {
  readonly contains: (address: string) => boolean;
  readonly port: number | undefined;
}

export interface AllowedHosts {
  /** Whether the operator allows the name, whatever it resolves to. */
  hasName(name: string, port: number): boolean;
  hasAddress(address: string, port: number): boolean;
  /** Whether some address is allowed with the port, so that a name may turn out to have it. */
  hasAddressWithPort(port: number): boolean;
}

const FORMS = 'name, name:port, 10.0.0.5, 10.0.0.5:8080, 10.0.0.0/8, [fd00::1]:8080, fd00::/8';
const NAME = /^(?=.{1,253}$)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*$/;
const MOST_HOSTS = 1000;

/** Whether it is a host's name as it stands in a parsed URL: no trailing dot, no empty label. */
export function isHostName(text: string): boolean {
  return NAME.test(text);
}

function toMistake(entry: string, why: string): Error {
  return new Error(`The allowed host ${JSON.stringify(entry)} ${why}. Forms: ${FORMS}`);
}

function parsePort(text: string, entry: string): number {
  const port = /^[1-9]\d{0,4}$/.test(text) ? Number(text) : 0;
  if (port < 1 || port > 65_535)
    throw toMistake(entry, 'has no port from 1 to 65535 after its colon');
  return port;
}

function parseRange(entry: string): AllowedRange {
  const [, address = '', bits = ''] = /^\[?([^[\]/]+)\]?\/(\d{1,3})$/.exec(entry) ?? [];
  const family = toFamily(address);
  if (family === undefined) throw toMistake(entry, 'is no address with a prefix length');
  const prefix = Number(bits);
  if (prefix > (family === 'ipv4' ? 32 : 128)) throw toMistake(entry, 'has too long a prefix');
  if (prefix === 0) throw toMistake(entry, 'allows every address, which leaves no guard');
  return { contains: createRange(family, [[address, prefix]]), port: undefined };
}

/** The host as URLs spell it. */
function toHostName(host: string, entry: string): string {
  let parsed = '';
  try {
    parsed = new URL(`http://${host}/`).hostname;
  } catch (error) {
    throw new Error(toMistake(entry, 'is no host').message, { cause: error });
  }
  if (!isHostName(parsed)) throw toMistake(entry, 'is no host');
  if (toFamily(parsed) !== undefined && parsed !== host)
    throw toMistake(entry, `is another form of the address ${parsed}, which is the form to give`);
  return parsed;
}

function parseEntry(entry: string): AllowedName | AllowedRange {
  if (entry.includes('://')) throw toMistake(entry, 'is a URL, where only a host belongs');
  if (entry.includes('*')) throw toMistake(entry, 'has a wildcard, and hosts are named one by one');
  if (entry.includes('/')) return parseRange(entry);
  const [, bracketed, bracketPort] = /^\[([^[\]]+)\](?::(.*))?$/.exec(entry) ?? [];
  const bare = bracketed ?? (toFamily(entry) === 'ipv6' ? entry : undefined);
  if (bare !== undefined) {
    if (toFamily(bare) !== 'ipv6') throw toMistake(entry, 'has no IPv6 address in its brackets');
    return {
      contains: createRange('ipv6', [[bare, 128]]),
      port: bracketPort === undefined ? undefined : parsePort(bracketPort, entry),
    };
  }
  const [, host = '', portText] = /^([^:@?#\\[\]]+)(?::(.*))?$/.exec(entry) ?? [];
  if (host === '') throw toMistake(entry, 'is no host');
  const port = portText === undefined ? undefined : parsePort(portText, entry);
  const name = toHostName(host, entry);
  if (toFamily(name) === 'ipv4') return { contains: createRange('ipv4', [[name, 32]]), port };
  return { name, port };
}

/**
 * Reads the operator's setting, as in `DRAWBRIDGE_ALLOW_HOSTS="localhost:8080,10.0.0.0/8"`.
 * @throws Error that names what is wrong
 */
export function parseAllowedHosts(text: string | undefined): string[] {
  const entries = (text ?? '').split(/[\s,]+/).filter((entry) => entry !== '');
  createAllowedHosts(entries);
  return entries;
}

/** @throws Error that names what is wrong */
export function createAllowedHosts(entries: readonly string[]): AllowedHosts {
  if (entries.length > MOST_HOSTS)
    throw new Error(`${entries.length} allowed hosts are too many. Most: ${MOST_HOSTS}`);
  const [names, ranges]: [AllowedName[], AllowedRange[]] = [[], []];
  for (const entry of entries) {
    const parsed = parseEntry(entry);
    if ('name' in parsed) names.push(parsed);
    else ranges.push(parsed);
  }
  const fits = (allowed: { readonly port: number | undefined }, port: number) =>
    allowed.port === undefined || allowed.port === port;
  return {
    hasName: (name, port) => names.some((each) => each.name === name && fits(each, port)),
    hasAddress: (address, port) =>
      ranges.some((each) => fits(each, port) && each.contains(address)),
    hasAddressWithPort: (port) => ranges.some((each) => fits(each, port)),
  };
}

// What counts as this machine: addresses that nobody else can reach, and the names of them that a
// request may use without being named in the settings.
import { isIP } from 'node:net';

/**
 * Host names, as URL writes them, that any request may name. Fewer than there are loopback addresses: a
 * page on another site can have names of its own lead to this machine (DNS rebinding), but not these.
 */
export const LOOPBACK_HOSTS: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]']);

const loopbackHeader = new RegExp(
  `^(?:${[...LOOPBACK_HOSTS].map((host) => host.replaceAll(/[.[\]]/g, '\\$&')).join('|')})(?::\\d+)?$`,
);

/** Whether a Host header plainly names one of them; one written in an unusual way does not. */
export function isLoopbackHeader(header: string): boolean {
  return loopbackHeader.test(header);
}

/** Whether only this machine can reach the address. */
export function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[(.*)\]$/, '$1').toLowerCase();
  if (bare === 'localhost' || bare.endsWith('.localhost')) return true;
  if (isIP(bare) === 4) return bare.startsWith('127.');
  return bare === '::1' || bare === '0:0:0:0:0:0:0:1';
}

// What all readers of HTML agree on: which elements are not shown, and what an address in the page means.
import type { Attributes } from './html-events.ts';

const UNSEEN: ReadonlySet<string> = new Set(
  'script style template noscript iframe object embed applet canvas svg math audio video datalist head'.split(
    ' ',
  ),
);
const MAX_URL = 2048;

export function isUnseen(name: string, attributes: Attributes): boolean {
  if (name === 'body' || name === 'html') return false;
  if (UNSEEN.has(name)) return true;
  if (attributes.has('hidden') && attributes.get('hidden')?.toLowerCase() !== 'until-found')
    return true;
  if (attributes.get('aria-hidden')?.toLowerCase() === 'true') return true;
  const style = attributes.get('style')?.slice(0, 2000) ?? '';
  return /(?:^|[;\s])(?:display\s{0,9}:\s{0,9}none|visibility\s{0,9}:\s{0,9}hidden)/i.test(style);
}

/** Absolute, http, https or mailto, and not too long; else nothing. */
export function toAbsolute(address: string | undefined, base: string): string | undefined {
  const given = address?.trim();
  if (given === undefined || given === '' || given.length > MAX_URL) return undefined;
  if (!URL.canParse(given, base)) return undefined;
  const { protocol, href } = new URL(given, base);
  if (!['http:', 'https:', 'mailto:'].includes(protocol) || href.length > MAX_URL) return undefined;
  return href;
}

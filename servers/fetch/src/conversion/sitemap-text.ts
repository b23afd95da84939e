// Reads one sitemap file: an index, a list of URLs, or plain lines; packed with gzip or not.
import { gunzipSync } from 'node:zlib';
import { ToolError } from '@drawbridge/kit';
import { decodeText } from '../charset.ts';
import { readHtml } from './html-events.ts';
import { toAbsolute } from './html-page.ts';

export interface SitemapEntry {
  url: string;
  lastModified: string;
}

export interface SitemapFile {
  entries: SitemapEntry[];
  /** Further sitemaps, of an index. */
  sitemaps: string[];
  isCut: boolean;
}

const MAX_UNPACKED = 50 * 1024 * 1024;
/** The protocol allows no more in one file. */
const MAX_ENTRIES = 50_000;

function unpack(bytes: Uint8Array): Uint8Array {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  try {
    return gunzipSync(bytes, { maxOutputLength: MAX_UNPACKED });
  } catch (error) {
    throw new ToolError('A sitemap is packed wrongly or too large unpacked.', {
      allowed: `up to ${MAX_UNPACKED} bytes`,
      cause: error,
    });
  }
}

/** @throws ToolError when it is no sitemap */
export function readSitemap(bytes: Uint8Array, url: string): SitemapFile {
  const { text } = decodeText(unpack(bytes), { declared: undefined, isMarkup: true });
  const entries: SitemapEntry[] = [];
  const sitemaps: string[] = [];
  let isCut = false;
  const isFull = () => entries.length + sitemaps.length >= MAX_ENTRIES;
  if (!/<(?:urlset|sitemapindex)[\s>]/i.test(text.slice(0, 20_000))) {
    if (text.includes('<'))
      throw new ToolError('This is not a sitemap.', { allowed: 'sitemap XML, or one URL a line' });
    for (const line of text.split(/\r\n|\r|\n/)) {
      const target = /^https?:\/\//i.test(line.trim()) ? toAbsolute(line, url) : undefined;
      if (target === undefined) continue;
      if (isFull()) isCut = true;
      else entries.push({ url: target, lastModified: '' });
    }
    return { entries, sitemaps, isCut };
  }
  let entry: { loc: string; lastmod: string } | undefined;
  let field: 'loc' | 'lastmod' | undefined;
  const take = (part: string) => {
    if (entry !== undefined && field !== undefined && entry[field].length < 4096)
      entry[field] += part;
  };
  readHtml(text, {
    open(name) {
      if (name === 'url' || name === 'sitemap') entry = { loc: '', lastmod: '' };
      field = name === 'loc' || name === 'lastmod' ? name : undefined;
    },
    close(name) {
      field = undefined;
      if ((name !== 'url' && name !== 'sitemap') || entry === undefined) return;
      const target = toAbsolute(entry.loc, url);
      const { lastmod } = entry;
      entry = undefined;
      if (target === undefined || !target.startsWith('http')) return;
      if (isFull()) isCut = true;
      else if (name === 'sitemap') sitemaps.push(target);
      else {
        const lastModified = /^\d{4}[\d:TZ.+-]{0,31}$/.test(lastmod.trim()) ? lastmod.trim() : '';
        entries.push({ url: target, lastModified });
      }
    },
    text: take,
    cdata: take,
  });
  return { entries, sitemaps, isCut };
}

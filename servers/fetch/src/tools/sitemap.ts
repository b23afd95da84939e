// `sitemap`: the URLs that a site lists, from the sitemaps that its robots.txt names or from one given.
import {
  ToolError,
  createFence,
  defineTool,
  toPage,
  type CallContext,
  type Tool,
} from '@drawbridge/kit';
import { LRUCache } from 'lru-cache';
import { z } from 'zod';
import { cursorText, intIn, toLimits, urlText } from '../arguments.ts';
import type { SitemapEntry } from '../conversion/sitemap-text.ts';
import type { Deps } from '../deps.ts';
import { toPartition, type RequestLimits } from '../retrieve.ts';

const MAX_FILES = 20;
const MAX_DEPTH = 3;
const MAX_URLS = 100_000;
const KEPT_URLS = 300_000;
const KEPT_MS = 10 * 60 * 1000;
const MAX_PROBLEMS = 10;

interface Listing {
  entries: SitemapEntry[];
  files: number;
  /** Sitemaps that could not be read, with the reason. */
  problems: string[];
  isCut: boolean;
}

interface CollectOptions extends RequestLimits {
  url: string;
  context: CallContext;
}

/** Where to begin: the URL itself when it names a sitemap, else those of its site. */
async function findStarts({ retrieve }: Deps, url: URL, signal: AbortSignal): Promise<string[]> {
  if (/\.(?:xml|txt)(?:\.gz)?$|sitemap/i.test(url.pathname)) return [url.href];
  const { sitemaps } = await retrieve.robots.assertAllowed(url, signal);
  const named = sitemaps.flatMap((each) =>
    URL.canParse(each, url.origin) ? [new URL(each, url.origin).href] : [],
  );
  return named.length > 0 ? named : [`${url.origin}/sitemap.xml`];
}

async function collect(deps: Deps, options: CollectOptions): Promise<Listing> {
  const { retrieve, converter } = deps;
  const { context, url, ...request } = options;
  const starts = await findStarts(deps, retrieve.checkUrl(url), context.signal);
  const queue = starts.map((start) => ({ start, depth: 1 }));
  const known = new Set(starts);
  const entries = new Map<string, SitemapEntry>();
  const problems: string[] = [];
  let files = 0;
  let isCut = false;
  for (const { start, depth } of queue) {
    if (files >= MAX_FILES || entries.size >= MAX_URLS) {
      isCut = true;
      break;
    }
    files += 1;
    try {
      const found = await retrieve(start, { context, ...request });
      if (found.status !== 200) throw new ToolError(`A sitemap answered ${found.status}.`);
      const file = await converter.convert(
        { task: 'sitemap', url: found.url, bytes: found.body },
        { member: toPartition(context.caller), signal: context.signal },
      );
      isCut ||= file.isCut;
      for (const entry of file.entries) {
        if (entries.size < MAX_URLS) entries.set(entry.url, entry);
        else isCut = true;
      }
      if (depth >= MAX_DEPTH && file.sitemaps.length > 0) isCut = true;
      for (const each of depth < MAX_DEPTH ? file.sitemaps : []) {
        if (known.has(each)) continue;
        known.add(each);
        queue.push({ start: each, depth: depth + 1 });
      }
    } catch (error) {
      if (!(error instanceof ToolError) || (starts.length === 1 && depth === 1)) throw error;
      if (problems.length < MAX_PROBLEMS) problems.push(error.message);
    }
    await context.progress(files, Math.min(queue.length, MAX_FILES), `${entries.size} URLs`);
  }
  return { entries: [...entries.values()], files, problems, isCut };
}

export function sitemap(getDeps: () => Deps): Tool {
  const kept = new LRUCache<string, Listing>({
    maxSize: KEPT_URLS,
    sizeCalculation: ({ entries }) => entries.length + 100,
    ttl: KEPT_MS,
  });
  return defineTool({
    name: 'sitemap',
    title: 'List a sitemap',
    description: 'Lists the URLs of a site, or of one sitemap.',
    effect: 'read',
    openWorld: true,
    input: z.strictObject({
      url: urlText,
      limit: intIn(1, 1000).default(200),
      cursor: cursorText.optional(),
    }),
    output: z.looseObject({
      urls: z.array(z.looseObject({ url: z.string() })),
      total: z.int(),
      next: z.string().optional(),
    }),
    async run(args, context) {
      const { url, limit, cursor } = args;
      const deps = getDeps();
      const key = JSON.stringify([toPartition(context.caller), url]);
      const known = kept.get(key);
      const listing =
        known ??
        (await collect(deps, {
          url,
          context,
          ...toLimits({}, deps.settings),
        }));
      kept.set(key, listing);
      const { entries, files, problems, isCut } = listing;
      const all = entries.map(({ url: each, lastModified }) => ({
        url: each,
        ...(lastModified !== '' && { last_modified: lastModified }),
      }));
      const { items, next } = toPage(all, {
        cursor,
        limit,
        scope: [url],
        sizeOf: (entry) => Buffer.byteLength(JSON.stringify(entry)) * 2,
      });
      const lines = items.map((entry) => [entry.url, entry.last_modified ?? ''].join(' ').trim());
      const more = next === undefined ? '' : `\n[More follows: cursor ${JSON.stringify(next)}]`;
      const wrong = problems.map((problem) => `\n[Not read: ${problem}]`).join('');
      return {
        output: {
          urls: items,
          total: all.length,
          cut: isCut,
          problems,
          ...(next !== undefined && { next }),
        },
        text: `[${items.length} of ${all.length} URLs of ${files} sitemaps${isCut ? '; there are more than were read' : ''}]\n${createFence().wrap(lines.join('\n'))}${more}${wrong}`,
      };
    },
  });
}

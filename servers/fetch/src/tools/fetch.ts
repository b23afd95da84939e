// `fetch`: one page or up to ten, as text that a model can read, a window of it at a time.
import {
  PAGE_BYTES,
  ToolError,
  createFence,
  defineTool,
  fromCursor,
  limitText,
  toCursor,
  type CallContext,
  type Fence,
  type Tool,
} from '@drawbridge/kit';
import { z } from 'zod';
import { cursorText, intIn, textUpTo, toLimits, urlText } from '../arguments.ts';
import { parseContentType } from '../content-kind.ts';
import type { Deps } from '../deps.ts';
import { toHash } from '../documents.ts';
import { findSection } from '../sections.ts';
import { toHeaderText } from '../shown.ts';

const MAX_URLS = 10;
const MAX_LENGTH = 100_000;
const DEFAULT_LENGTH = 20_000;
/** Pages of one call that are requested at once. */
const AT_ONCE = 4;
/** Of a page's part of the answer, for what is said of it. */
const HEAD_BYTES = 2048;

const input = z.strictObject({
  url: urlText.optional(),
  urls: z
    .array(urlText)
    .refine((urls) => urls.length >= 1 && urls.length <= MAX_URLS, 'it has not 1 to 10 URLs')
    .optional(),
  format: z.enum(['markdown', 'text', 'html', 'raw']).default('markdown'),
  full: z.boolean().default(false).describe('not the article alone'),
  section: textUpTo(300).optional(),
  start: intIn(0, 1e9).default(0),
  length: intIn(1, MAX_LENGTH).default(DEFAULT_LENGTH),
  cursor: cursorText.optional(),
  refresh: z.boolean().default(false),
  timeout: z
    .number()
    .refine((seconds) => seconds >= 0.1 && seconds <= 600, 'it is not from 0.1 to 600')
    .optional(),
  max_bytes: intIn(1, 1e9).optional(),
});

/** Others are left out of the listing: charset, mode, cache, etag, last_modified, start. */
const page = z.looseObject({
  url: z.string(),
  status: z.int().optional(),
  type: z.string().optional(),
  hash: z.string().optional(),
  content: z.string().optional(),
  total: z.int().optional(),
  next: z.string().optional(),
  error: z.string().optional(),
});

type Arguments = z.output<typeof input>;
type Page = z.input<typeof page>;

interface PageRequest {
  url: string;
  args: Arguments;
  context: CallContext;
  fence: Fence;
  /** How many pages share the answer. */
  count: number;
}

/** `start` and `end` moved so that no character is cut in two. */
function toWindow(text: string, start: number, length: number): [number, number] {
  const isInside = (at: number) =>
    at > 0 &&
    at < text.length &&
    /[\udc00-\udfff]/.test(text[at] ?? '') &&
    /[\ud800-\udbff]/.test(text[at - 1] ?? '');
  const from = isInside(start) ? start - 1 : start;
  const end = Math.min(from + length, text.length);
  // One character is the least, or a listing would not go on.
  return [from, isInside(end) ? (end - 1 > from ? end - 1 : end + 1) : end];
}

async function fetchPage(
  { settings, retrieve, documents }: Deps,
  { url, args, context, fence, count }: PageRequest,
): Promise<{ output: Page; text: string }> {
  const { format, full, section, cursor } = args;
  const scope = [url, format, full, section];
  const [at = 0] = fromCursor(cursor, scope, [args.start]);
  const found = await retrieve(url, {
    context,
    refresh: args.refresh,
    ...toLimits(args, settings),
  });
  const { headers, status, body } = found;
  const hash = toHash(body);
  const { type } = parseContentType(headers['content-type']);
  const converted = await documents.toText(found, hash, { context, format, full });
  const { title, charset, mode, isCut } = converted;
  const whole = section === undefined ? converted.text : findSection(converted.text, section);
  if (at > 0 && at >= whole.length) {
    throw new ToolError(`Character ${at} is beyond the end.`, {
      allowed: whole.length === 0 ? '0' : `0 to ${whole.length - 1}`,
    });
  }
  const [start, most] = toWindow(whole, at, Math.min(args.length, Math.floor(MAX_LENGTH / count)));
  const room = Math.floor(PAGE_BYTES / count) - HEAD_BYTES;
  const shown = limitText(whole.slice(start, most), room).text;
  const end = start + shown.length;
  const etag = toHeaderText(headers['etag']);
  const modified = toHeaderText(headers['last-modified']);
  const validators = [
    ...(etag === '' ? [] : [`ETag: ${etag}`]),
    ...(modified === '' ? [] : [`Last-Modified: ${modified}`]),
  ];
  const nothing =
    body.byteLength === 0 ? '[The answer has no content.]' : '[The page has no text.]';
  const content = fence.wrap(
    [...validators, ...(validators.length > 0 ? [''] : []), whole === '' ? nothing : shown].join(
      '\n',
    ),
    { ...(title !== '' && { title: title.slice(0, 300) }), url: found.url },
  );
  const next = end < whole.length ? toCursor([end], scope) : undefined;
  const facts = [
    `status ${status}`,
    type || 'no type',
    ...(charset === undefined ? [] : [charset]),
    ...(mode === undefined ? [] : [mode]),
    `characters ${start} to ${end} of ${whole.length}${isCut ? ', of a document too long to be converted whole' : ''}`,
    `sha256 ${hash}`,
    ...(found.cache === 'miss' ? [] : [`cache ${found.cache}`]),
    ...(found.redirects.length === 0 ? [] : [`${found.redirects.length} redirects`]),
  ];
  const more =
    next === undefined ? '' : `\n[More follows: cursor ${JSON.stringify(next)}, or start ${end}]`;
  return {
    output: {
      url: found.url,
      status,
      type,
      ...(charset !== undefined && { charset }),
      ...(mode !== undefined && { mode }),
      cache: found.cache,
      hash,
      ...(etag !== '' && { etag }),
      ...(modified !== '' && { last_modified: modified }),
      content,
      start,
      total: whole.length,
      ...(next !== undefined && { next }),
    },
    text: `[${facts.join('; ')}]\n${content}${more}`,
  };
}

function toUrls({ url, urls, cursor, section, format }: Arguments): readonly string[] {
  const given = urls ?? (url === undefined ? [] : [url]);
  if (given.length === 0 || (url !== undefined && urls !== undefined))
    throw new ToolError('There is no url, or both url and urls.', {
      allowed: 'url, or urls with up to 10',
    });
  if (cursor !== undefined && given.length > 1)
    throw new ToolError('A cursor belongs to one page.', {
      allowed: 'url with the cursor that came with it',
    });
  if (section !== undefined && format !== 'markdown')
    throw new ToolError(`Sections are not known in the format "${format}".`, {
      allowed: 'section with format "markdown"',
    });
  return given;
}

export function fetchTool(getDeps: () => Deps): Tool {
  return defineTool({
    name: 'fetch',
    title: 'Fetch pages',
    description: 'Reads pages, PDF, DOCX, JSON, text. Give url, or up to 10 urls.',
    effect: 'read',
    openWorld: true,
    input,
    output: z.object({ pages: z.array(page) }),
    aliases: { max_length: 'length', start_index: 'start', offset: 'start', limit: 'length' },
    async run(args, context) {
      const urls = toUrls(args);
      const deps = getDeps();
      const fence = createFence();
      const count = urls.length;
      const [only] = urls;
      if (count === 1 && only !== undefined) {
        const { output, text } = await fetchPage(deps, { url: only, args, context, fence, count });
        return { output: { pages: [output] }, text };
      }
      const answers: { output: Page; text: string }[] = [];
      let position = 0;
      let done = 0;
      const work = async () => {
        for (let index = position++; index < count; index = position++) {
          const url = urls[index] ?? '';
          try {
            answers[index] = await fetchPage(deps, { url, args, context, fence, count });
          } catch (error) {
            if (!(error instanceof ToolError)) throw error;
            const { message } = error;
            answers[index] = { output: { url, error: message }, text: `failed: ${message}` };
          }
          done += 1;
          await context.progress(done, count, `${done} of ${count} pages`);
        }
      };
      await Promise.all(Array.from({ length: Math.min(AT_ONCE, count) }, work));
      return {
        output: { pages: answers.map(({ output }) => output) },
        text: answers.map(({ text }, index) => `[${index + 1} of ${count}] ${text}`).join('\n\n'),
      };
    },
  });
}

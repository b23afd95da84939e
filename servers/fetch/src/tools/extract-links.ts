// `extract_links`: where a page leads.
import { ToolError, createFence, defineTool, toPage, type Tool } from '@drawbridge/kit';
import { z } from 'zod';
import { cursorText, intIn, toLimits, urlText } from '../arguments.ts';
import { parseContentType, toContentKind } from '../content-kind.ts';
import type { Deps } from '../deps.ts';
import { toPartition } from '../retrieve.ts';

export function extractLinks(getDeps: () => Deps): Tool {
  return defineTool({
    name: 'extract_links',
    title: 'Extract links',
    description: 'Lists the links of an HTML page.',
    effect: 'read',
    openWorld: true,
    input: z.strictObject({
      url: urlText,
      internal: z.boolean().optional(),
      limit: intIn(1, 1000).default(100),
      cursor: cursorText.optional(),
    }),
    output: z.object({
      links: z.array(z.looseObject({ url: z.string(), text: z.string() })),
      total: z.int(),
      next: z.string().optional(),
    }),
    async run(args, context) {
      const { url, internal, limit, cursor } = args;
      const { settings, retrieve, converter } = getDeps();
      const limits = toLimits({}, settings);
      const found = await retrieve(url, { context, ...limits });
      const { type, charset } = parseContentType(found.headers['content-type']);
      if (toContentKind(type, found.body) !== 'html') {
        throw new ToolError(`The content is of the type ${JSON.stringify(type)}.`, {
          allowed: 'HTML pages',
          hint: 'fetch, which shows the links of other documents in their text',
        });
      }
      const { links, isCut } = await converter.convert(
        { task: 'links', url: found.url, charset, bytes: found.body },
        { member: toPartition(context.caller), signal: context.signal },
      );
      const chosen = links
        .filter(({ isInternal }) => internal === undefined || isInternal === internal)
        .map(({ isInternal, ...link }) => ({ ...link, internal: isInternal }));
      const { items, next } = toPage(chosen, {
        cursor,
        limit,
        scope: [url, internal],
        sizeOf: (link) => Buffer.byteLength(JSON.stringify(link)) * 2,
      });
      const lines = items.map(
        (link) =>
          `${link.internal ? 'internal' : 'external'} ${link.url}${link.text === '' ? '' : ` ${link.text}`}${link.rel === '' ? '' : ` (rel ${link.rel})`}`,
      );
      const more = next === undefined ? '' : `\n[More follows: cursor ${JSON.stringify(next)}]`;
      return {
        output: { links: items, total: chosen.length, ...(next !== undefined && { next }) },
        text: `[status ${found.status}; ${items.length} of ${chosen.length} links${isCut ? '; the page has more than were read' : ''}]\n${createFence().wrap(lines.join('\n'), { url: found.url })}${more}`,
      };
    },
  });
}

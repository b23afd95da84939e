// `fetch_headers`: what a host says of a URL, without its content.
import { createFence, defineTool, type Tool } from '@drawbridge/kit';
import { z } from 'zod';
import { toLimits, urlText } from '../arguments.ts';
import type { Deps } from '../deps.ts';
import { toHeaderText } from '../shown.ts';

/** Credentials that hosts hand out are nobody's business. */
const HIDDEN = /^(?:set-cookie2?|authorization|proxy-authenticate)$/;

export function fetchHeaders(getDeps: () => Deps): Tool {
  return defineTool({
    name: 'fetch_headers',
    title: 'Fetch headers',
    description: 'Status, headers and redirects of a URL.',
    effect: 'read',
    openWorld: true,
    input: z.strictObject({ url: urlText }),
    output: z.object({
      url: z.string(),
      status: z.int(),
      redirects: z.int(),
      headers: z.string(),
    }),
    async run({ url }, context) {
      const { settings, retrieve } = getDeps();
      const limits = toLimits({}, settings);
      const found = await retrieve(url, { context, method: 'HEAD', ...limits });
      const { status, redirects } = found;
      const names = Object.keys(found.headers)
        .filter((name) => !HIDDEN.test(name))
        .sort();
      const lines = names.map((name) => `${name}: ${toHeaderText(found.headers[name])}`);
      const hops = redirects.map((hop) => `${hop.status} from ${hop.url}`);
      const headers = createFence().wrap([...hops, ...lines].join('\n'), { url: found.url });
      return {
        output: { url: found.url, status, redirects: redirects.length, headers },
        text: `[status ${status}; ${redirects.length} redirects]\n${headers}`,
      };
    },
  });
}

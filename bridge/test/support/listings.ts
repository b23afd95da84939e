// ServerListings and configurations of servers that are not started, for tests of what stands before them.
import { serverOptionsSchema } from '@drawbridge/schemas';
import type { z } from 'zod';
import type { ServerListing, UpstreamConfig } from '../../src/upstreams/upstream.ts';

type Definition = Readonly<Record<string, unknown>>;

export function upstreamConfig(
  name: string,
  {
    options = {},
    builtin = false,
    fingerprint = name,
  }: {
    options?: z.input<typeof serverOptionsSchema>;
    builtin?: boolean;
    fingerprint?: string;
  } = {},
): UpstreamConfig {
  return {
    name,
    options: serverOptionsSchema.parse(options),
    builtin,
    transport: { kind: 'stdio', command: 'none', args: [], env: {}, cwd: '/' },
    fingerprint,
  };
}

export function listing({
  tools = [],
  prompts = [],
  resources = [],
  resourceTemplates = [],
}: {
  tools?: (string | Definition)[];
  prompts?: string[];
  resources?: string[];
  resourceTemplates?: string[];
}): ServerListing {
  return {
    serverInfo: { name: 'test', version: '1' },
    capabilities: {},
    tools: tools.map((tool) =>
      typeof tool === 'string' ? { name: tool, inputSchema: { type: 'object' } } : tool,
    ),
    prompts: prompts.map((name) => ({ name })),
    resources: resources.map((uri) => ({ uri, name: uri })),
    resourceTemplates: resourceTemplates.map((uriTemplate) => ({ uriTemplate, name: uriTemplate })),
  };
}

// Asks a server for everything it offers, page by page, up to a cap. What it says is kept as it said
// it; entries that have no name are dropped because nothing could call them.
import { ProtocolError, type Client } from '@modelcontextprotocol/client';
import { DrawbridgeError, toMessage } from '../errors.ts';
import { passthrough } from './passthrough.ts';
import type { Offer } from './upstream.ts';

const MAX_PAGES = 100;
const METHOD_NOT_FOUND = -32601;

export interface ReadOfferOptions {
  readonly upstream: string;
  /** For each page. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  /** What a result stands for that was too large for the client. */
  readonly unfold: (result: unknown) => Promise<unknown>;
}

/** @throws DrawbridgeError `upstream/protocol`; whatever the connection threw otherwise */
export async function readOffer(client: Client, options: ReadOfferOptions): Promise<Offer> {
  const capabilities: Record<string, unknown> = { ...client.getServerCapabilities() };
  const list = (capability: string, method: string, key: string, id: string): Promise<Entry[]> =>
    capabilities[capability] === undefined
      ? Promise.resolve([])
      : readPages(client, { method, key, id }, options);
  const [tools, resources, resourceTemplates, prompts] = await Promise.all([
    list('tools', 'tools/list', 'tools', 'name'),
    list('resources', 'resources/list', 'resources', 'uri'),
    list('resources', 'resources/templates/list', 'resourceTemplates', 'uriTemplate'),
    list('prompts', 'prompts/list', 'prompts', 'name'),
  ]);
  const { name, version } = client.getServerVersion() ?? { name: options.upstream, version: '' };
  const instructions = client.getInstructions();
  return {
    serverInfo: { name, version },
    ...(instructions !== undefined && { instructions }),
    capabilities,
    tools,
    resources,
    resourceTemplates,
    prompts,
  };
}

type Entry = Record<string, unknown>;

interface List {
  readonly method: string;
  /** Where the entries are in the result. */
  readonly key: string;
  /** The property without which an entry is of no use. */
  readonly id: string;
}

async function readPages(
  client: Client,
  { method, key, id }: List,
  { upstream, timeoutMs, signal, unfold }: ReadOfferOptions,
): Promise<Entry[]> {
  const entries: Entry[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < MAX_PAGES; page += 1) {
    let result: unknown;
    try {
      const params = cursor === undefined ? {} : { cursor };
      const options = { timeout: timeoutMs, ...(signal !== undefined && { signal }) };
      result = await unfold(await client.request({ method, params }, passthrough, options));
    } catch (error) {
      // Servers advertise `resources` without having templates.
      if (error instanceof ProtocolError && error.code === METHOD_NOT_FOUND) return entries;
      throw error instanceof ProtocolError
        ? new DrawbridgeError(
            'upstream/protocol',
            `upstream "${upstream}" answered ${method} with an error: ${toMessage(error)}`,
            { cause: error },
          )
        : error;
    }
    const body = isEntry(result) ? result : {};
    const items = body[key];
    if (!Array.isArray(items)) {
      throw new DrawbridgeError(
        'upstream/protocol',
        `upstream "${upstream}" answered ${method} without a list of ${key}`,
      );
    }
    entries.push(...items.filter(isEntry).filter((entry) => typeof entry[id] === 'string'));
    const next = body['nextCursor'];
    if (typeof next !== 'string' || next === '' || next === cursor) return entries;
    cursor = next;
  }
  throw new DrawbridgeError(
    'upstream/protocol',
    `upstream "${upstream}" has more than ${MAX_PAGES} pages of ${key}`,
  );
}

function isEntry(value: unknown): value is Entry {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

// Asks a server for everything it offers, page by page, within bounds: a server that offers without end
// costs its own lists only. What it says is kept as it said it; what is left out is told in words.
import { ProtocolError, type Client } from '@modelcontextprotocol/client';
import { DrawbridgeError, toMessage } from '../errors.ts';
import { inSlices } from '../flow/in-slices.ts';
import { toJsonSize } from '../json-size.ts';
import { ListingBudget, BoundedList, type ListEntry } from './bounded-list.ts';
import { passthrough } from './passthrough.ts';
import type { ServerListing } from './upstream.ts';
import { isRecord } from '../json-record.ts';

const MAX_PAGES = 1_000;
/** For all pages of a list. */
const LIST_MS = 120_000;
const MAX_INSTRUCTIONS = 64 * 1024;
const MAX_LABEL = 256;
const MAX_CURSOR = 16_384;
const CAPABILITIES = { size: 64 * 1024, depth: 32 };
const METHOD_NOT_FOUND = -32601;

export interface ReadListingOptions {
  readonly upstream: string;
  /** For each page. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  /** What a result stands for that was too large for the client. */
  readonly unfold: (result: unknown) => Promise<unknown>;
}

/** @throws DrawbridgeError `upstream/protocol`; whatever the connection threw otherwise */
export async function readListing(
  client: Client,
  options: ReadListingOptions,
): Promise<ServerListing> {
  const capabilities: Record<string, unknown> = { ...client.getServerCapabilities() };
  const budget = new ListingBudget();
  const notes: string[] = [];
  const list = async (
    capability: string,
    method: string,
    { key, id }: { key: string; id: string },
  ): Promise<readonly ListEntry[]> => {
    if (capabilities[capability] === undefined) return [];
    const into = new BoundedList({ key, id, budget });
    const cut = await readPages(client, { method, key, into }, options);
    notes.push(...into.notes(), ...cut);
    return into.entries;
  };
  const [tools, resources, resourceTemplates, prompts] = await Promise.all([
    list('tools', 'tools/list', { key: 'tools', id: 'name' }),
    list('resources', 'resources/list', { key: 'resources', id: 'uri' }),
    list('resources', 'resources/templates/list', { key: 'resourceTemplates', id: 'uriTemplate' }),
    list('prompts', 'prompts/list', { key: 'prompts', id: 'name' }),
  ]);
  const { name, version } = client.getServerVersion() ?? { name: options.upstream, version: '' };
  const instructions = client.getInstructions();
  return {
    serverInfo: { name: toLabel(name), version: toLabel(version) },
    ...(instructions !== undefined && { instructions: instructions.slice(0, MAX_INSTRUCTIONS) }),
    capabilities: toJsonSize(capabilities, CAPABILITIES) === undefined ? {} : capabilities,
    tools,
    resources,
    resourceTemplates,
    prompts,
    ...(notes.length > 0 && { notes: notes.toSorted() }),
  };
}

interface Pages {
  readonly method: string;
  /** Where the entries are in the result. */
  readonly key: string;
  readonly into: BoundedList;
}

/**
 * Returns what to tell when the list was cut short.
 * @throws DrawbridgeError `upstream/protocol`
 */
async function readPages(
  client: Client,
  { method, key, into }: Pages,
  { upstream, timeoutMs, signal, unfold }: ReadListingOptions,
): Promise<string[]> {
  const until = performance.now() + LIST_MS;
  const cursors = new Set<string>();
  let cursor: string | undefined;
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const left = until - performance.now();
    if (left <= 0) {
      throw new DrawbridgeError(
        'upstream/protocol',
        `upstream "${upstream}" did not end its list of ${key} within ${LIST_MS / 1_000} s; the last list stays`,
      );
    }
    let result: unknown;
    try {
      const params = cursor === undefined ? {} : { cursor };
      const timeout = Math.min(timeoutMs, Math.ceil(left));
      const options = { timeout, ...(signal !== undefined && { signal }) };
      result = await unfold(await client.request({ method, params }, passthrough, options));
    } catch (error) {
      // Servers advertise `resources` without having templates.
      if (error instanceof ProtocolError && error.code === METHOD_NOT_FOUND) return [];
      throw error instanceof ProtocolError
        ? new DrawbridgeError(
            'upstream/protocol',
            `upstream "${upstream}" answered ${method} with an error: ${toMessage(error)}`,
            { cause: error },
          )
        : error;
    }
    const body = isRecord(result) ? result : {};
    const items = body[key];
    if (!Array.isArray(items)) {
      throw new DrawbridgeError(
        'upstream/protocol',
        `upstream "${upstream}" answered ${method} without a list of ${key}`,
      );
    }
    if (!(await inSlices(addAll(items, into)))) return [];
    const next = body['nextCursor'];
    if (typeof next !== 'string' || next === '') return [];
    if (next.length > MAX_CURSOR) return [`${key} ended at a cursor over ${MAX_CURSOR} characters`];
    if (cursors.has(next)) return [`${key} ended where a cursor came again`];
    cursors.add(next);
    cursor = next;
  }
  return [`${key} ended after ${MAX_PAGES} pages`];
}

function* addAll(items: readonly unknown[], into: BoundedList): Generator<undefined, boolean> {
  for (const item of items) {
    if (!into.add(item)) return false;
    yield;
  }
  return true;
}

/** What a server calls itself, fit for a column of text. */
function toLabel(text: string): string {
  return text.slice(0, MAX_LABEL).replaceAll(/\p{Cc}/gu, '\uFFFD');
}

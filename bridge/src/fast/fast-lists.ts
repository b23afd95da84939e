// Answers to `tools/list` as JSON strings, byte for byte as the SDK writes them. The catalog gives the same list
// object until something changes, so each list is serialised once for each era.
import { SERVER_INFO_META_KEY } from '@modelcontextprotocol/server';
import type { Catalog, Definition } from '../catalog/catalog.ts';
import { isRecord } from '../json-record.ts';
import type { FastHead } from './fast-request.ts';

export interface FastLists {
  /** The answer to `tools/list`; undefined when the SDK has to write it. */
  tools(head: Pick<FastHead, 'view' | 'era'>, id: string | number): string | undefined;
}

type Era = FastHead['era'];

export function createFastLists(
  catalog: Pick<Catalog, 'list'>,
  serverInfo: Readonly<Record<string, unknown>>,
): FastLists {
  const known = new WeakMap<readonly Definition[], Partial<Record<Era, string>>>();

  const toText = (tools: readonly Definition[], era: Era): string =>
    JSON.stringify(
      era === 'legacy'
        ? { tools }
        : {
            tools,
            resultType: 'complete',
            ttlMs: 0,
            cacheScope: 'private',
            _meta: { [SERVER_INFO_META_KEY]: serverInfo },
          },
    );

  return {
    tools({ view, era }, id) {
      const { tools } = catalog.list(view);
      const texts = known.get(tools) ?? {};
      known.set(tools, texts);
      // A schema whose root is not an object is wrapped for legacy clients (SEP-2106).
      if (texts[era] === undefined && era === 'legacy' && tools.some(isWrapped)) return undefined;
      texts[era] ??= toText(tools, era);
      return `{"result":${texts[era]},"jsonrpc":"2.0","id":${JSON.stringify(id)}}`;
    },
  };
}

function isWrapped({ outputSchema }: Definition): boolean {
  if (outputSchema === undefined) return false;
  return !(isRecord(outputSchema) && outputSchema['type'] === 'object');
}

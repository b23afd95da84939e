// Takes secrets of the settings out of a server's listing, because all members see it: a server may well put
// its connection string into a description. Calls need names and URIs unchanged, so an entry whose name or
// URI holds a secret is left out.
import { inSlices } from '../flow/in-slices.ts';
import type { Redact } from '../secrets/redaction.ts';
import { toJsonText } from '../json-text.ts';
import { redactValue } from '../secrets/redact-value.ts';
import type { ServerListing } from '../upstreams/upstream.ts';

type Entry = Readonly<Record<string, unknown>>;

/** The fields by which calls name entries. */
const identities = ['name', 'uri', 'uriTemplate'];

/** @param onLeftOut gets the list of an entry that is left out, and its index there */
export async function redactListing(
  listing: ServerListing,
  redact: Redact,
  onLeftOut: (entry: { list: string; index: number }) => void,
): Promise<ServerListing> {
  function* clean(list: string, entries: readonly Entry[]): Generator<undefined, Entry[]> {
    const kept: Entry[] = [];
    for (const [index, entry] of entries.entries()) {
      const json = toJsonText(entry);
      const text = redact(json);
      const redacted = text === json ? entry : (JSON.parse(text) as Entry); // the same shape
      if (redacted === entry || identities.every((key) => redacted[key] === entry[key])) {
        kept.push(redacted);
      } else onLeftOut({ list, index });
      yield;
    }
    return kept;
  }
  const { tools, resources, resourceTemplates, prompts, ...rest } = listing;
  return {
    ...redactValue(redact, rest),
    tools: await inSlices(clean('tools', tools)),
    resources: await inSlices(clean('resources', resources)),
    resourceTemplates: await inSlices(clean('resourceTemplates', resourceTemplates)),
    prompts: await inSlices(clean('prompts', prompts)),
  };
}

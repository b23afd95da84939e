// What a server offers is for all members, so no value that the settings call secret may stand in it: a
// server may well put its connection string into a description. Names and URIs are what calls go by; an
// entry whose name holds a secret is left out.
import { inSlices } from '../flow/in-slices.ts';
import type { Redact } from '../secrets/redaction.ts';
import { toJsonText } from '../json-text.ts';
import { redactValue } from '../secrets/redact-value.ts';
import type { ServerListing } from '../upstreams/upstream.ts';

type Entry = Readonly<Record<string, unknown>>;

/** The fields that calls name entries by. */
const identities = ['name', 'uri', 'uriTemplate'];

/** `onLeftOut` is told which list the entry was of, and its place in it. */
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

// What a server offers is for all members, so no value that the settings call secret may stand in it: a
// server may well put its connection string into a description. Names and URIs are what calls go by; an
// entry whose name holds a secret is left out.
import { setImmediate as turn } from 'node:timers/promises';
import type { Redact } from '../runs/redaction.ts';
import { toJsonText } from '../runs/json-text.ts';
import { redactValue } from './redact-value.ts';
import type { Offer } from '../upstreams/upstream.ts';

type Entry = Readonly<Record<string, unknown>>;

/** The fields that calls name entries by. */
const identities = ['name', 'uri', 'uriTemplate'];
/** Other work has its turn after so many characters. */
const AT_ONCE = 1_000_000;

/** `onLeftOut` is told which list the entry was of, and its place in it. */
export async function redactOffer(
  offer: Offer,
  redact: Redact,
  onLeftOut: (entry: { list: string; index: number }) => void,
): Promise<Offer> {
  let done = 0;
  const clean = async (list: string, entries: readonly Entry[]): Promise<Entry[]> => {
    const kept: Entry[] = [];
    for (const [index, entry] of entries.entries()) {
      const json = toJsonText(entry);
      const text = redact(json);
      const redacted = text === json ? entry : (JSON.parse(text) as Entry); // the same shape
      if (redacted === entry || identities.every((key) => redacted[key] === entry[key])) {
        kept.push(redacted);
      } else onLeftOut({ list, index });
      done += json.length;
      if (done < AT_ONCE) continue;
      done = 0;
      await turn();
    }
    return kept;
  };
  const { tools, resources, resourceTemplates, prompts, ...rest } = offer;
  return {
    ...redactValue(redact, rest),
    tools: await clean('tools', tools),
    resources: await clean('resources', resources),
    resourceTemplates: await clean('resourceTemplates', resourceTemplates),
    prompts: await clean('prompts', prompts),
  };
}

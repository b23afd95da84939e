// Who calls. Behind the bridge the identity comes with each request and is believed only with the key
// that the bridge gave this process; alone, there is one local tenant whose roots are those of the
// command line. A server never takes identity from a tool's arguments.
import { timingSafeEqual } from 'node:crypto';
import { CALLER_META_KEY, callerSchema, type Caller } from '@drawbridge/schemas';

/** The believed part of a {@link Caller}: everything but its key. */
export type Identity = Omit<Caller, 'key'>;

export interface CallerSource {
  /** The key the bridge gave this process, from its environment. */
  bridgeKey: string | undefined;
  /** Absolute folders of the command line. */
  roots: readonly string[];
}

function sameKey(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}

/** Reads `params._meta`; whatever is malformed or carries a wrong key counts as the local caller. */
export function toIdentity(
  meta: Readonly<Record<string, unknown>> | undefined,
  { bridgeKey, roots }: CallerSource,
): Identity {
  if (bridgeKey !== undefined && bridgeKey !== '') {
    const parsed = callerSchema.safeParse(meta?.[CALLER_META_KEY]);
    if (parsed.success && sameKey(parsed.data.key, bridgeKey)) {
      const { key: _key, ...identity } = parsed.data;
      return identity;
    }
  }
  return {
    tenant: 'local',
    principal: 'local',
    project: 'local',
    roots: [...roots],
    readOnly: [],
    run: 'local',
  };
}

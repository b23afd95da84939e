// Pins: every definition is hashed and kept when first seen, so that a server that changes a tool
// later (a "rug pull") is noticed. With `pin: "strict"` a new or changed definition is withheld
// until an operator approves it.

export type PinKind = 'tool' | 'prompt' | 'resource' | 'resource_template';

export interface Pin {
  readonly kind: PinKind;
  readonly name: string;
  readonly hash: string;
  readonly definition: Readonly<Record<string, unknown>>;
  readonly approved: boolean;
}

export interface PinChange {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly changed: readonly { name: string; before: unknown; after: unknown }[];
}

/** What differs between the definitions that were last pinned and those a server offers now. */
export function toPinChange(
  before: ReadonlyMap<string, { hash: string; definition: unknown }>,
  after: ReadonlyMap<string, { hash: string; definition: unknown }>,
): PinChange {
  const added = [...after.keys()].filter((name) => !before.has(name));
  const removed = [...before.keys()].filter((name) => !after.has(name));
  const changed = [...after].flatMap(([name, now]) => {
    const then = before.get(name);
    return then === undefined || then.hash === now.hash
      ? []
      : [{ name, before: then.definition, after: now.definition }];
  });
  return { added, removed, changed };
}

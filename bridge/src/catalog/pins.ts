// Pins: every definition is hashed and kept when first seen, so that a server that changes a tool
// later (a "rug pull") is noticed. With `pin: "strict"` a new or changed definition is withheld
// until an operator approves it.

export type PinKind = 'tool' | 'prompt' | 'resource' | 'resource_template' | 'instructions';

/** A definition as it is kept; what it says stays in the store. */
export interface Pin {
  readonly kind: PinKind;
  readonly name: string;
  readonly hash: string;
  readonly approved: boolean;
  /** Milliseconds since 1970. Who was first to have a name or a URI keeps it. */
  readonly firstSeenAt: number;
}

/** Names one definition of a server exactly. */
export type PinKey = Pick<Pin, 'kind' | 'name' | 'hash'>;

export function toPinKey({ kind, name, hash }: PinKey): string {
  return `${kind} ${hash} ${name}`;
}

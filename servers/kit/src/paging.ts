// Opaque cursors: a position within one listing, bound to the arguments of that listing, so that a
// cursor used with other arguments is refused instead of answering from the wrong place.
import { createHash } from 'node:crypto';
import { TEXT_LIMIT_BYTES } from './text.ts';
import { ToolError } from './tool-error.ts';

/** Bytes of items in one page: its text and its structured content together stay under the text limit. */
export const PAGE_BYTES = TEXT_LIMIT_BYTES / 2;

export interface Page<Item> {
  items: Item[];
  /** Present when there is more. */
  next?: string;
}

function digest(scope: unknown): string {
  return createHash('sha256').update(JSON.stringify(scope)).digest('base64url').slice(0, 8);
}

/** A cursor for `position` in the listing that `scope` (its arguments) describes. */
export function toCursor(position: readonly number[], scope: unknown): string {
  return `${digest(scope)}.${position.map((part) => part.toString(36)).join('.')}`;
}

/**
 * Reads a cursor back. Without one, the position is the start.
 * @throws ToolError when it is not a cursor of this listing.
 */
export function fromCursor(
  cursor: string | undefined,
  scope: unknown,
  start: readonly number[] = [0],
): number[] {
  if (cursor === undefined) return [...start];
  const [mark, ...parts] = cursor.split('.');
  const position = parts.map((part) => (/^[0-9a-z]{1,11}$/.test(part) ? parseInt(part, 36) : -1));
  const sound = position.length === start.length && position.every((part) => part >= 0);
  if (mark !== digest(scope) || !sound) {
    throw new ToolError('The cursor does not belong to this listing.', {
      allowed: 'a `next` of an earlier answer to the same arguments',
      hint: 'call again without cursor to start from the beginning',
    });
  }
  return position;
}

export interface PageOptions<Item> {
  cursor: string | undefined;
  /** Most items. */
  limit: number;
  /** The arguments that the listing depends on. */
  scope: unknown;
  /** Bytes that an item takes in the answer; a page ends where {@link PAGE_BYTES} are full. */
  sizeOf?: (item: Item) => number;
}

/** How many of the items fit in a page; at least one, or a page would lead nowhere. */
export function countFitting<Item>(items: readonly Item[], sizeOf: (item: Item) => number): number {
  let bytes = 0;
  const over = items.findIndex((item) => (bytes += sizeOf(item)) > PAGE_BYTES);
  return over < 0 ? items.length : Math.max(over, 1);
}

/** One page of a list that is whole in memory. */
export function toPage<Item>(
  all: readonly Item[],
  { cursor, limit, scope, sizeOf = () => 0 }: PageOptions<Item>,
): Page<Item> {
  const [from = 0] = fromCursor(cursor, scope);
  const candidates = all.slice(from, from + limit);
  const items = candidates.slice(0, countFitting(candidates, sizeOf));
  const end = from + items.length;
  return end < all.length ? { items, next: toCursor([end], scope) } : { items };
}

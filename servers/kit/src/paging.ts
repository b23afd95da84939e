// Opaque cursors: a position within one listing, bound to the arguments of that listing, so that a
// cursor used with other arguments is refused instead of answering from the wrong place.
import { createHash } from 'node:crypto';
import { ToolError } from './tool-error.ts';

export interface Page<Item> {
  items: Item[];
  /** Present when there is more. */
  next?: string;
}

const digest = (scope: unknown): string =>
  createHash('sha256').update(JSON.stringify(scope)).digest('base64url').slice(0, 8);

/** A cursor for `position` in the listing that `scope` (its arguments) describes. */
export const toCursor = (position: readonly number[], scope: unknown): string =>
  `${digest(scope)}.${position.map((part) => part.toString(36)).join('.')}`;

/**
 * Reads a cursor back. Without one, the position is the start.
 * @throws ToolError when it is not a cursor of this listing.
 */
export const fromCursor = (
  cursor: string | undefined,
  scope: unknown,
  start: readonly number[] = [0],
): number[] => {
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
};

/** One page of a list that is whole in memory. */
export const toPage = <Item>(
  all: readonly Item[],
  { cursor, limit, scope }: { cursor: string | undefined; limit: number; scope: unknown },
): Page<Item> => {
  const [from = 0] = fromCursor(cursor, scope);
  const items = all.slice(from, from + limit);
  const end = from + items.length;
  return end < all.length ? { items, next: toCursor([end], scope) } : { items };
};

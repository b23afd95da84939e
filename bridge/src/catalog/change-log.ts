// Reports the changes of servers' listings to the log, each against the one reported before: at most once a
// minute a server, and bounded in size, however long the lists are and however often they change.
import { inSlices } from '../flow/in-slices.ts';
import type { Definition, ListingIndex } from './listing-index.ts';
import { createPacedWork } from './paced-work.ts';

/** The difference between two listings of a server; names are `<kind> <name>`. */
export interface CatalogChange {
  readonly upstream: string;
  readonly added: string[];
  readonly removed: string[];
  readonly changed: { name: string; before: unknown; after: unknown }[];
  /** How many more there are than those named. */
  readonly more?: { readonly added: number; readonly removed: number; readonly changed: number };
  /** How many further changes, since the last report, this one stands for. */
  readonly leftOut?: number;
}

export interface ChangeLog {
  /** Sets the listing that the first report is compared with, as from an earlier start. */
  begin(upstream: string, index: ListingIndex): void;
  note(upstream: string, index: ListingIndex): void;
  /** Reports what is not reported yet. */
  close(): Promise<void>;
}

export interface ChangeLogOptions {
  readonly tell: (change: CatalogChange) => void;
  readonly gapMs?: number;
}

interface State {
  reported: Reported;
  latest: ListingIndex;
  /** How often the listing changed since the last report. */
  changes: number;
}

/** A listing as reported. Its definitions are held only where they are small together. */
type Reported = ReadonlyMap<string, { readonly hash: string; readonly definition?: Definition }>;

const GAP_MS = 60_000;
const HELD_CHARACTERS = 4 * 1024 * 1024;
const NAMED = 100;
const SHOWN = 20;
const NAME_CHARACTERS = 256;
const DEFINITION_CHARACTERS = 2_048;
const PREVIEW_CHARACTERS = 512;

export function createChangeLog({ tell, gapMs = GAP_MS }: ChangeLogOptions): ChangeLog {
  const states = new Map<string, State>();
  const paced = createPacedWork({
    gapMs,
    async work(upstream) {
      const state = states.get(upstream);
      if (state === undefined || state.changes === 0) return;
      const { reported, latest, changes } = state;
      state.changes = 0;
      const difference = await inSlices(compare(reported, latest.entries));
      state.reported = await inSlices(toReported(latest));
      const isEmpty = difference.added.length + difference.removed.length === 0;
      if (isEmpty && difference.changed.length === 0 && changes === 1) return;
      tell({ upstream, ...difference, ...(changes > 1 && { leftOut: changes - 1 }) });
    },
  });

  return {
    begin(upstream, latest) {
      if (!states.has(upstream)) {
        states.set(upstream, { reported: latest.entries, latest, changes: 0 });
      }
    },
    note(upstream, latest) {
      const state = states.get(upstream) ?? { reported: new Map(), latest: undefined, changes: 0 };
      if (state.latest?.hash === latest.hash) return;
      states.set(upstream, Object.assign(state, { latest }));
      state.changes += 1;
      paced.due(upstream);
    },
    close: paced.close,
  };
}

function* toReported({ entries, size }: ListingIndex): Generator<undefined, Reported> {
  if (size <= HELD_CHARACTERS) return entries;
  const hashes = new Map<string, { hash: string }>();
  for (const [key, { hash }] of entries) {
    hashes.set(key, { hash });
    yield;
  }
  return hashes;
}

type Difference = Omit<CatalogChange, 'upstream' | 'leftOut'>;

function* compare(
  before: Reported,
  after: ListingIndex['entries'],
): Generator<undefined, Difference> {
  const added: string[] = [];
  const removed: string[] = [];
  const changed: CatalogChange['changed'] = [];
  const more = { added: 0, removed: 0, changed: 0 };
  for (const [key, now] of after) {
    yield;
    const then = before.get(key);
    if (then === undefined) {
      if (added.length < NAMED) added.push(key.slice(0, NAME_CHARACTERS));
      else more.added += 1;
    } else if (then.hash !== now.hash) {
      if (changed.length < SHOWN) {
        changed.push({
          name: key.slice(0, NAME_CHARACTERS),
          before: toShown(then),
          after: toShown(now),
        });
      } else more.changed += 1;
    }
  }
  for (const key of before.keys()) {
    yield;
    if (after.has(key)) continue;
    if (removed.length < NAMED) removed.push(key.slice(0, NAME_CHARACTERS));
    else more.removed += 1;
  }
  const hasMore = more.added + more.removed + more.changed > 0;
  return { added, removed, changed, ...(hasMore && { more }) };
}

function toShown({ hash, definition }: { hash: string; definition?: Definition }): unknown {
  if (definition === undefined) return { hash };
  const text = JSON.stringify(definition);
  return text.length <= DEFINITION_CHARACTERS
    ? definition
    : { hash, size: text.length, preview: text.slice(0, PREVIEW_CHARACTERS) };
}

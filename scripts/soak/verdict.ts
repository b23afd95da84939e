// Holds what clients were answered, what servers saw and what readers read against the log.
import type { Door } from '../bridge-process.ts';
import { LogCheck, readLog } from '../log-check.ts';
import type { Ledger } from './ledger.ts';
import type { Follower, ReaderFigures } from './readers.ts';
import type { Stage } from './stage.ts';

export interface Verdict {
  readonly events: number;
  readonly runs: number;
  /** Calls that a server began to do, and all that it did. */
  readonly begun: number;
  readonly done: number;
  /** Started in the log, and without an end there. */
  readonly open: readonly string[];
  readonly lost: readonly string[];
  readonly doubled: readonly string[];
  readonly gaps: readonly string[];
  readonly mixedUp: readonly string[];
}

export interface VerdictOptions {
  readonly stage: Stage;
  readonly ledger: Ledger;
  readonly readers?: { readonly figures: ReaderFigures; readonly follower: Follower };
}

export async function judge({ stage, ledger, readers }: VerdictOptions): Promise<Verdict> {
  const log = new LogCheck();
  await readLog(stage.door satisfies Door, log);
  const witnessed = await stage.witnessed();
  const begun = witnessed.filter(({ what }) => what === 'start').map(({ token }) => token);
  const done = witnessed.filter(({ what }) => what === 'done').map(({ token }) => token);
  const { lost, doubled, gaps } = log.issues(ledger.answered, begun);
  return {
    events: log.events,
    runs: log.runs,
    begun: begun.length,
    done: done.length,
    open: log.open(),
    lost,
    doubled: [
      ...doubled,
      ...repeated(begun).map((token) => `${token} was begun twice by its server`),
      ...repeated(done).map((token) => `${token} was done twice by its server`),
    ],
    gaps: [...gaps, ...(readers === undefined ? [] : unread(log, readers))],
    mixedUp: ledger.mixedUp,
  };
}

/** What the log holds and the reader of all events never got, besides what it got wrongly. */
function unread(
  log: LogCheck,
  { figures, follower }: { figures: ReaderFigures; follower: Follower },
): string[] {
  const issues = [...figures.issues];
  for (const [runId, last] of log.lastSeqs) {
    const seen = follower.lastSeqs.get(runId) ?? 0;
    if (seen < last && !follower.known.has(runId))
      issues.push(`all events: run ${runId}: read up to ${seen} of ${last}`);
  }
  return issues;
}

function repeated(tokens: readonly string[]): string[] {
  const seen = new Set<string>();
  return tokens.filter((token) => seen.size === seen.add(token).size);
}

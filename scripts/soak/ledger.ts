// What became of every call, as its caller saw it. Tokens of answered calls are kept, to be looked for
// in the log; all else is counted.

export type Fate =
  /** The right result came. */
  | 'answered'
  /** An error of the bridge or the server came, with a code. */
  | 'refused'
  /** The connection broke, or the caller's timeout ended. */
  | 'unanswered'
  /** The caller took it back. */
  | 'cancelled'
  /** The caller left in the middle of it. */
  | 'left'
  /** A result came that is not this call's. */
  | 'mixed-up';

export interface Ledger {
  readonly answered: ReadonlySet<string>;
  readonly counts: Readonly<Record<Fate, number>>;
  /** Errors by code. */
  readonly codes: ReadonlyMap<string, number>;
  readonly progress: number;
  /** Results of another call, in words. */
  readonly mixedUp: readonly string[];
  /** Calls that failed while nothing was disturbed; the first few in words. */
  readonly failedInCalm: { readonly count: number; readonly examples: readonly string[] };
  enter(token: string, fate: Fate, detail?: string): void;
  failInCalm(what: string): void;
  noteProgress(): void;
}

const EXAMPLES = 20;

export function createLedger(): Ledger {
  const answered = new Set<string>();
  const counts = {
    answered: 0,
    refused: 0,
    unanswered: 0,
    cancelled: 0,
    left: 0,
    'mixed-up': 0,
  };
  const codes = new Map<string, number>();
  const mixedUp: string[] = [];
  const failedInCalm = { count: 0, examples: [] as string[] };
  let progress = 0;
  return {
    answered,
    counts,
    codes,
    mixedUp,
    failedInCalm,
    get progress() {
      return progress;
    },
    enter(token, fate, detail = '') {
      counts[fate] += 1;
      if (fate === 'answered') answered.add(token);
      if (fate === 'mixed-up') mixedUp.push(`${token} was answered with: ${detail}`);
      if (fate === 'refused' || fate === 'unanswered')
        codes.set(detail, (codes.get(detail) ?? 0) + 1);
    },
    failInCalm(what) {
      failedInCalm.count += 1;
      if (failedInCalm.examples.length < EXAMPLES) failedInCalm.examples.push(what);
    },
    noteProgress: () => (progress += 1),
  };
}

// Bounds how many lines a log takes: of one kind, and of all. What is left out is counted, and the count is
// told with the next line of its kind, or when the second is over.

export interface LineLimit {
  /** Whether a line of this kind may be written now. */
  admit(kind: string): boolean;
  close(): void;
}

export interface LineLimitOptions {
  /** Told of what was left out, some kinds at a time. */
  readonly onLeftOut: (leftOut: Readonly<Record<string, number>>) => void;
  readonly perKind?: number;
  readonly overall?: number;
}

const WINDOW_MS = 1_000;
const PER_KIND = 20;
const OVERALL = 200;
const MAX_KINDS = 500;
const MAX_TOLD = 20;
const OTHERS = 'others';

export function createLineLimit({
  onLeftOut,
  perKind = PER_KIND,
  overall = OVERALL,
}: LineLimitOptions): LineLimit {
  const counts = new Map<string, number>();
  const leftOut = new Map<string, number>();
  let total = 0;
  let timer: NodeJS.Timeout | undefined;

  const endWindow = (): void => {
    timer = undefined;
    counts.clear();
    total = 0;
    if (leftOut.size === 0) return;
    const told = [...leftOut].sort(([, a], [, b]) => b - a).slice(0, MAX_TOLD);
    const rest = [...leftOut.values()].reduce((sum, count) => sum + count, 0);
    const others = told.reduce((sum, [, count]) => sum - count, rest);
    leftOut.clear();
    onLeftOut(Object.fromEntries(others > 0 ? [...told, [OTHERS, others]] : told));
  };

  return {
    admit(kind) {
      timer ??= setTimeout(endWindow, WINDOW_MS).unref();
      const known = counts.has(kind) || counts.size < MAX_KINDS ? kind : OTHERS;
      const count = (counts.get(known) ?? 0) + 1;
      counts.set(known, count);
      if (count <= perKind && total < overall) {
        total += 1;
        return true;
      }
      leftOut.set(known, (leftOut.get(known) ?? 0) + 1);
      return false;
    },
    close() {
      clearTimeout(timer);
      endWindow();
    },
  };
}

/** Lines of one kind differ in names, numbers and what is quoted only. */
export function toLineKind(level: string, message: string): string {
  return `${level}: ${message
    .slice(0, 120)
    .replaceAll(/\d+/g, '#')
    .replaceAll(/"[^"]*"/g, '"…"')}`;
}

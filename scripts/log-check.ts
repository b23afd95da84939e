// Reads the whole log over the REST API and holds it against what clients were answered and what
// servers saw. Every call of the scripts carries a text of its own, its token, so a call is found
// again by its arguments alone.
import { basename } from 'node:path';
import type { Door } from './bridge-process.ts';

export interface RunEvent {
  readonly seq: number;
  readonly type: string;
  readonly payload: { callId?: string; arguments?: { inline?: { text?: string; path?: string } } };
}

export interface LogIssues {
  /** Answered and not ended in the log, or seen by a server and not started in the log. */
  readonly lost: readonly string[];
  readonly doubled: readonly string[];
  readonly gaps: readonly string[];
}

const ENDS = new Set([
  'call.completed',
  'call.failed',
  'call.cancelled',
  'call.denied',
  'call.input_required',
]);
const RUN_ENDS = new Set(['run.completed', 'run.failed', 'run.cancelled']);
const RUNS_AT_ONCE = 4;
/** A bridge that does not answer must not hold the check up. */
const READ_MS = 15_000;

export class LogCheck {
  readonly #started = new Map<string, string>();
  readonly #completed = new Set<string>();
  readonly #ended = new Set<string>();
  readonly #endedRuns = new Set<string>();
  readonly #doubled: string[] = [];
  readonly #gaps: string[] = [];
  /** The last seq of each run. */
  readonly lastSeqs = new Map<string, number>();
  #events = 0;

  get events(): number {
    return this.#events;
  }

  get runs(): number {
    return this.lastSeqs.size;
  }

  /** Tokens of calls that the log knows as started, and of which it tells no end. */
  open(): string[] {
    return [...this.#started].flatMap(([token, callId]) => (this.#ended.has(callId) ? [] : token));
  }

  /** Takes a page of a run's events; the pages of a run come in order. */
  add(runId: string, events: readonly RunEvent[]): void {
    for (const { seq, type, payload } of events) {
      const next = (this.lastSeqs.get(runId) ?? 0) + 1;
      if (seq !== next) this.#gaps.push(`run ${runId}: event ${next} has seq ${seq}`);
      this.lastSeqs.set(runId, seq);
      this.#events += 1;
      if (this.#endedRuns.has(runId))
        this.#doubled.push(`run ${runId}: ${type} (seq ${seq}) came after its end`);
      if (RUN_ENDS.has(type)) this.#endedRuns.add(runId);
      const token = toToken(payload);
      const { callId = '' } = payload;
      if (type === 'call.started' && token !== '') {
        if (this.#started.has(token)) this.#doubled.push(`${token} is logged as started twice`);
        this.#started.set(token, callId);
      }
      if (type === 'call.completed') this.#completed.add(callId);
      if (!ENDS.has(type)) continue;
      if (this.#ended.has(callId)) this.#doubled.push(`call ${callId} has a second end: ${type}`);
      this.#ended.add(callId);
    }
  }

  /**
   * @param answered tokens of calls whose result a client has
   * @param reached tokens of calls that a server began to do
   */
  issues(answered: Iterable<string>, reached: Iterable<string>): LogIssues {
    const lost: string[] = [];
    for (const token of answered) {
      if (!this.#completed.has(this.#started.get(token) ?? ''))
        lost.push(`${token} was answered, and its end is not in the log`);
    }
    for (const token of reached) {
      if (!this.#started.has(token))
        lost.push(`${token} reached the server, and its start is not in the log`);
    }
    return { lost, doubled: this.#doubled, gaps: this.#gaps };
  }
}

/** Feeds every run with all of its events to the check. */
export async function readLog(door: Door, check: LogCheck): Promise<void> {
  for (let cursor: string | undefined = ''; cursor !== undefined;) {
    const page: { runs: { id: string }[]; nextCursor?: string } = await getJson(
      door,
      `/v1/runs?limit=500${cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`}`,
    );
    const left = page.runs.map(({ id }) => id);
    const readNext = async (): Promise<void> => {
      for (let id = left.shift(); id !== undefined; id = left.shift())
        await readRun(door, id, check);
    };
    await Promise.all(Array.from({ length: RUNS_AT_ONCE }, readNext));
    cursor = page.nextCursor;
  }
}

async function readRun(door: Door, id: string, check: LogCheck): Promise<void> {
  for (let after: number | undefined = 0; after !== undefined;) {
    const part: { events: RunEvent[]; nextAfter?: number } = await getJson(
      door,
      `/v1/runs/${id}/events?limit=1000&after=${after}`,
    );
    check.add(id, part.events);
    after = part.nextAfter;
  }
}

/** The caller knows the shape: it is one of the bridge's own. */
export async function getJson<T>({ url, token }: Door, path: string): Promise<T> {
  const response = await fetch(url + path, {
    headers: { Authorization: `Bearer ${token}` },
    signal: AbortSignal.timeout(READ_MS),
  });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return (await response.json()) as T;
}

/** The text that tells a call from all others: what it wrote, or the name of the file it asked for. */
function toToken({ arguments: args }: RunEvent['payload']): string {
  return args?.inline?.text ?? basename(args?.inline?.path ?? '');
}

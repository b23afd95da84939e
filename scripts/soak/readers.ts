// Readers of the live streams: one that follows everything and is cut off again and again, some that
// follow a run for a while, and some that open a stream and never read it.
import { type IncomingMessage, get } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import type { Door } from '../bridge-process.ts';
import { getJson } from '../log-check.ts';
import type { Random } from './random.ts';

export interface ReaderFigures {
  events: number;
  connections: number;
  runsFollowed: number;
  stalled: number;
  /** Large answers that were read to their end, slowly. */
  slowlyRead: number;
  /** Events that came twice, out of order or not at all, in words. */
  readonly issues: string[];
}

export interface ReaderOptions {
  readonly door: Door;
  readonly random: Random;
  readonly figures: ReaderFigures;
  readonly signal: AbortSignal;
}

interface StreamEvent {
  readonly id: string;
  readonly runId: string;
  readonly seq: number;
}

export interface Follower {
  /** The last seq seen of each run that began after it. */
  readonly lastSeqs: ReadonlyMap<string, number>;
  /** Runs that were there before it; of those it may have missed the beginning. */
  readonly known: ReadonlySet<string>;
  /** By performance.now(). */
  readonly lastEventAt: number;
  /** Resolves after the signal. */
  readonly done: Promise<void>;
}

/** Resolves when the first connection stands: what happens after that is in the stream. */
export async function followAll({
  door,
  random,
  figures,
  signal,
}: ReaderOptions): Promise<Follower> {
  const lastSeqs = new Map<string, number>();
  const known = new Set<string>();
  let lastId: string | undefined;
  let lastEventAt = performance.now();
  let opened = (): void => undefined;
  const isOpen = new Promise<void>((resolve) => (opened = resolve));

  const note = ({ id, runId, seq }: StreamEvent): void => {
    const last = lastSeqs.get(runId);
    if (seq !== (last ?? 0) + 1 && (last !== undefined || !known.has(runId)))
      figures.issues.push(`all events: run ${runId}: seq ${seq} came after ${last ?? 0}`);
    lastSeqs.set(runId, seq);
    lastId = id;
    lastEventAt = performance.now();
    figures.events += 1;
  };
  const follow = async (): Promise<void> => {
    while (!signal.aborted) {
      const cut = new AbortController();
      let timer: NodeJS.Timeout | undefined;
      await readStream(door, {
        path: '/v1/events',
        lastId,
        signal: AbortSignal.any([cut.signal, signal]),
        onOpen: () => {
          figures.connections += 1;
          opened();
        },
        onEvent: (event) => {
          note(event);
          // Without a last id a new stream would begin later.
          timer ??= setTimeout(() => cut.abort(), random.between(200, 8_000));
        },
      });
      clearTimeout(timer);
      await wait(random.between(0, 300));
    }
  };
  const done = follow();
  await isOpen;
  const { runs } = await getJson<{ runs: { id: string }[] }>(door, '/v1/runs?limit=500');
  for (const { id } of runs) known.add(id);
  return {
    lastSeqs,
    known,
    get lastEventAt() {
      return lastEventAt;
    },
    done,
  };
}

const LATE_EVENTS = 50;

/** Follows one working run after another, each for a few connections. */
export async function followRuns({ door, random, figures, signal }: ReaderOptions): Promise<void> {
  while (!signal.aborted) {
    const run = await pickRun(door, random);
    if (run !== undefined) {
      figures.runsFollowed += 1;
      let last = Math.max(0, run.lastSeq - LATE_EVENTS);
      for (let count = 0; count < 5 && !signal.aborted; count += 1) {
        await readStream(door, {
          path: `/v1/runs/${run.id}/events`,
          lastId: String(last),
          signal: AbortSignal.any([signal, AbortSignal.timeout(random.between(200, 3_000))]),
          onEvent: ({ seq }) => {
            if (seq !== last + 1)
              figures.issues.push(`run ${run.id}: seq ${seq} came after ${last}`);
            last = seq;
            figures.events += 1;
          },
        });
      }
    }
    await wait(500);
  }
}

/** Opens the stream of all events and does not read it; after a while it leaves. */
export async function stall({ door, random, figures, signal }: ReaderOptions): Promise<void> {
  while (!signal.aborted) {
    const { url, token } = door;
    const response = await new Promise<IncomingMessage | undefined>((resolve) => {
      const headers = { Authorization: `Bearer ${token}`, Accept: 'text/event-stream' };
      get(`${url}/v1/events`, { headers, agent: false }, resolve).on('error', () =>
        resolve(undefined),
      );
    });
    if (response !== undefined) {
      figures.stalled += 1;
      response.on('error', () => undefined); // the bridge was killed under it
      await wait(random.between(5_000, 40_000), undefined, { signal }).catch(() => undefined); // the end
      response.destroy();
    }
    await wait(200);
  }
}

/** Asks for long pages of events and takes them a piece at a time. */
export async function readSlowly({ door, random, figures, signal }: ReaderOptions): Promise<void> {
  while (!signal.aborted) {
    const run = await pickRun(door, random);
    const path = `/v1/runs/${run?.id}/events?limit=1000`;
    const text = run && (await readInPieces(door, path, { random, signal }));
    if (text !== undefined) {
      try {
        JSON.parse(text);
        figures.slowlyRead += 1;
      } catch {
        figures.issues.push(`a page of run ${run?.id} that was read slowly is no JSON`);
      }
    }
    await wait(500);
  }
}

const PIECE_BYTES = 32 * 1024;

/** Undefined when the bridge did not answer to the end. */
async function readInPieces(
  { url, token }: Door,
  path: string,
  { random, signal }: Pick<ReaderOptions, 'random' | 'signal'>,
): Promise<string | undefined> {
  const response = await new Promise<IncomingMessage | undefined>((resolve) => {
    const headers = { Authorization: `Bearer ${token}` };
    get(url + path, { headers, agent: false, signal }, resolve).on('error', () =>
      resolve(undefined),
    );
  });
  if (response === undefined) return undefined;
  const pieces: Buffer[] = [];
  try {
    let sinceRest = 0;
    // A response is read as bytes until an encoding is set.
    for await (const piece of response as AsyncIterable<Buffer>) {
      pieces.push(piece);
      sinceRest += piece.length;
      if (sinceRest < PIECE_BYTES) continue;
      sinceRest = 0;
      await wait(random.between(5, 60), undefined, { signal });
    }
  } catch {
    return undefined; // Cut off by the bridge's death, or at the end of the soak.
  } finally {
    response.destroy();
  }
  return response.complete && response.statusCode === 200
    ? Buffer.concat(pieces).toString()
    : undefined;
}

async function pickRun(
  door: Door,
  random: Random,
): Promise<{ id: string; lastSeq: number } | undefined> {
  try {
    const { runs } = await getJson<{ runs: { id: string; lastSeq: number }[] }>(
      door,
      '/v1/runs?status=working&limit=50',
    );
    return runs[random.between(0, runs.length - 1)];
  } catch {
    return undefined; // There is no bridge or no database now; the reader comes again.
  }
}

interface StreamOptions {
  readonly path: string;
  readonly lastId: string | undefined;
  readonly signal: AbortSignal;
  readonly onOpen?: () => void;
  readonly onEvent: (event: StreamEvent) => void;
}

/** Resolves when the stream ends, in whatever way. */
async function readStream(
  { url, token }: Door,
  { path, lastId, signal, onOpen, onEvent }: StreamOptions,
): Promise<void> {
  const decoder = new TextDecoder();
  let rest = '';
  try {
    const response = await fetch(url + path, {
      signal,
      headers: {
        Authorization: `Bearer ${token}`,
        Accept: 'text/event-stream',
        ...(lastId !== undefined && { 'Last-Event-ID': lastId }),
      },
    });
    if (!response.ok || response.body === null) {
      await response.body?.cancel();
      return;
    }
    onOpen?.();
    for await (const chunk of response.body) {
      const frames = (rest + decoder.decode(chunk, { stream: true })).split('\n\n');
      rest = frames.pop() ?? '';
      for (const frame of frames) {
        const id = /^id: (.+)$/m.exec(frame)?.[1];
        const data = /^data: (.+)$/m.exec(frame)?.[1];
        if (id === undefined || data === undefined) continue;
        const { runId, seq } = JSON.parse(data) as StreamEvent; // an event of the log
        onEvent({ id, runId, seq });
      }
    }
  } catch (error) {
    // Cut off by us or by the bridge's death. What it missed must come with the next connection.
    if (!(error instanceof Error)) throw error;
  }
}

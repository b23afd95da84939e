// How long after a call's answer the readers of its run's live stream hold the event of it. Caller
// and readers are in one process, so both times are of one clock. The answer leaves after its commit,
// so a reader can be earlier than the caller; such a delay is below zero.
import { setTimeout as wait } from 'node:timers/promises';
import { type Connection, toToken } from './connection.ts';
import { createEventFrames } from './event-frames.ts';
import { createHttpSocket, createRequestWriter, type HttpSocket } from './http-socket.ts';

export interface FollowOptions {
  /** The run's stream, with where to begin. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly readers: number;
  readonly calls: number;
  /** From call to call at least; a call also waits until all readers have the one before. */
  readonly intervalMs: number;
  readonly nextSeed: () => number;
  readonly onEdge: (edge: 'begin' | 'end') => void;
}

export interface Followed {
  /** One for each reader and call, in milliseconds. */
  readonly delays: Float64Array;
  /** Deliveries that had not come 5 s after their call's answer. */
  readonly missing: number;
}

const OPEN_AT_ONCE = 50;
const TIMEOUT_MS = 5_000;

export async function follow(
  connection: Connection,
  { url, headers, readers, calls, intervalMs, nextSeed, onEdge }: FollowOptions,
): Promise<Followed> {
  const endpoint = new URL(url);
  const listen = createRequestWriter(endpoint, {
    method: 'GET',
    headers: { ...headers, accept: 'text/event-stream' },
  })();
  /** When each reader had the event, by the token in it. */
  const seen = new Map<string, number[]>();
  const onFrame = (frame: Buffer): void => {
    const now = performance.now();
    for (const [token, times] of seen) {
      if (times.length < readers && frame.includes(token)) times.push(now);
    }
  };
  const sockets: HttpSocket[] = [];
  const open = async (): Promise<void> => {
    const socket = createHttpSocket(endpoint);
    sockets.push(socket);
    const { status } = await socket.stream(listen, createEventFrames(onFrame));
    if (status !== 200) throw new Error(`A live stream was refused with ${status}.`);
  };
  try {
    for (let opened = 0; opened < readers; opened += OPEN_AT_ONCE) {
      await Promise.all(Array.from({ length: Math.min(OPEN_AT_ONCE, readers - opened) }, open));
    }
    await wait(500); // the streams' first page of the past
    const delays: number[] = [];
    onEdge('begin');
    for (let call = 0; call < calls; call += 1) {
      const begin = performance.now();
      const seed = nextSeed();
      const times: number[] = [];
      seen.clear();
      seen.set(toToken(seed), times);
      await connection.call(0, 'small', seed);
      const answered = performance.now();
      const deadline = answered + TIMEOUT_MS;
      while (performance.now() < deadline && times.length < readers) await wait(1);
      for (const time of times) delays.push(time - answered);
      await wait(Math.max(0, begin + intervalMs - performance.now()));
    }
    onEdge('end');
    return { delays: Float64Array.from(delays), missing: readers * calls - delays.length };
  } finally {
    for (const socket of sockets) socket.close();
  }
}

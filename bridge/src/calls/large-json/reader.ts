// The bridge's side of the worker: sends it jobs, and turns its results into the types of large-json.ts.
import type { Logger } from 'pino';
import { DrawbridgeError } from '../../errors.ts';
import type { HeldBytes } from '../../flow/held-bytes.ts';
import { JSON_MEDIA_TYPE, PreparedBody } from '../../runs/event-text.ts';
import type { JobResult, LoggedBytes } from './jobs.ts';
import { tooDeep, tooManyValues } from './json-weight.ts';
import { LargeJson, type LargeJsonReader, type LargeMessage } from './large-json.ts';
import { type WorkerQueue, WorkerFailed } from './worker-queue.ts';

export interface LargeJsonReaderOptions {
  readonly queue: WorkerQueue;
  readonly held: HeldBytes;
  readonly logger: Logger;
}

export function createLargeJsonReader({
  queue,
  held,
  logger,
}: LargeJsonReaderOptions): LargeJsonReader {
  return {
    async request(body, { at, owner }) {
      const result = await queue
        .run({ kind: 'request', parts: [toOwn(body)], at }, owner)
        .catch((error: unknown) => {
          throw error instanceof WorkerFailed ? unreadable(error) : error;
        });
      if (result.kind === 'not_json') return { kind: 'not_json' };
      if (result.kind === 'too_deep') throw tooDeep();
      if (result.kind === 'too_many_values') throw tooManyValues();
      if (result.kind !== 'split') return { kind: 'too_large' };
      const skeleton: unknown = JSON.parse(result.skeleton);
      if (result.large === undefined) return { kind: 'split', body: skeleton };
      const { sha256, logged } = result.large;
      const bytes = toBuffer(result.large.bytes);
      const large = new LargeJson(bytes, toBuffer(sha256), toPrepared(logged, bytes));
      const holder = at === 'body' ? skeleton : (skeleton as { params: unknown }).params; // the worker found them there
      Object.assign(holder as object, { arguments: large });
      return { kind: 'split', body: skeleton };
    },
    async message(parts, { owner, requests }) {
      const release = held.hold(parts.reduce((sum, { length }) => sum + length, 0));
      try {
        const job = { kind: 'message', parts: parts.map(toOwn), requests } as const;
        const result = await queue.run(job, owner);
        if (result.kind === 'sliced' && (result.list?.leftOut.count ?? 0) > 0)
          logger.warn(
            { from: owner, list: result.list?.key, ...result.list?.leftOut },
            'entries of a list are over 1 MiB and were left out',
          );
        return toMessage(result);
      } catch (error) {
        if (error instanceof WorkerFailed) return { kind: 'too_large', id: undefined };
        throw error;
      } finally {
        // By the next turn the log has counted the bytes that it was given.
        setImmediate(release);
      }
    },
    held,
    async log(text, owner) {
      const result = await queue.run({ kind: 'log', parts: [Buffer.from(text)] }, owner);
      if (result.kind !== 'logged') throw new WorkerFailed(`a body became ${result.kind}`);
      return toPrepared(result.logged, toBuffer(result.bytes));
    },
  };
}

function unreadable(cause: WorkerFailed): DrawbridgeError {
  return new DrawbridgeError(
    'request/too_large',
    'The body takes too much memory or time to be read.',
    { cause },
  );
}

function toMessage(result: JobResult): LargeMessage {
  switch (result.kind) {
    case 'result': {
      const { id, facts, logged } = result;
      const bytes = toBuffer(result.bytes);
      const { isTool, ...rest } = facts;
      const asTool = result.asTool === undefined ? bytes : toBuffer(result.asTool);
      return {
        kind: 'result',
        id,
        result: {
          ...rest,
          bytes,
          asTool: isTool ? asTool : undefined,
          logged: toPrepared(logged, bytes),
        },
      };
    }
    case 'sliced': {
      const message: unknown = JSON.parse(result.skeleton);
      if (result.list === undefined) return { kind: 'sliced', message, list: undefined };
      const { key, ends } = result.list;
      const bytes = toBuffer(result.list.bytes);
      const slices = ends.map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end));
      return { kind: 'sliced', message, list: { key, slices } };
    }
    case 'too_large':
      return { kind: 'too_large', id: result.id };
    case 'not_json':
    case 'malformed':
    case 'split':
    case 'logged':
    case 'too_deep':
    case 'too_many_values':
      return { kind: 'malformed' };
  }
}

function toPrepared({ size, sha256, preview, body }: LoggedBytes, bytes: Buffer): PreparedBody {
  const artifact = {
    sha256: toBuffer(sha256),
    mediaType: JSON_MEDIA_TYPE,
    body: body === undefined ? bytes : toBuffer(body),
  };
  return new PreparedBody({ size, artifact, preview });
}

function toBuffer({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

/** Copies a part whose buffer others share, because a transfer would take the buffer from them. */
function toOwn(part: Buffer): Uint8Array {
  return part.byteLength === part.buffer.byteLength ? part : new Uint8Array(part);
}

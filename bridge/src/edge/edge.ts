// What every request passes before a front sees it: its turn on the connection, its key, and only then its
// body, which is read within budgets and weighed before it is parsed. The edge answers nothing itself: a
// refused request goes to the fronts without its body and with the reason, because they word all errors.
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Logger } from 'pino';
import type { Principal } from '../principals/caller.ts';
import { weighRequest } from '../calls/large-json/json-weight.ts';
import { LARGE_BYTES } from '../calls/large-json/large-json.ts';
import { DrawbridgeError, findDrawbridgeError } from '../errors.ts';
import type { LoopTurns } from '../flow/loop-turns.ts';
import { createBudget } from './budget.ts';
import { type BudgetShares, createBudgetShares } from './budget-shares.ts';
import { expectsContinue, leaveUnread } from './leave-unread.ts';
import { oneByOne } from './one-by-one.ts';
import type { PacedResponse } from './paced-response.ts';
import { limitPieces } from './piece-limit.ts';
import { type ReadBodyOptions, createBodyReader, tooLarge } from './read-body.ts';
import { createTally } from './tally.ts';
import { createUnknownConnections } from './unknown-connections.ts';
import { createUnreadAnswers } from './unread-answers.ts';

/** A request that passed, with its whole body. */
export interface Admitted {
  readonly principal: Principal;
  readonly body: Buffer;
}

export interface EdgeLimits {
  readonly bodyBytes: number;
  readonly bodyTimeout: number;
  readonly readingBytes: number;
  readonly readingBytesTotal: number;
  readonly heldBytes: number;
  readonly heldBytesTotal: number;
  readonly unreadBytes: number;
  readonly unreadBytesTotal: number;
  readonly unreadTimeout: number;
  readonly unknownConnections: number;
}

export interface EdgeOptions {
  readonly limits: () => EdgeLimits;
  readonly logger: Logger;
  /** The key of a request, where it has one. */
  readonly toKey: (request: IncomingMessage) => string | undefined;
  readonly verify: (key: string) => Promise<Principal | undefined>;
  readonly turn: LoopTurns;
  /** Whether memory is short; then every request is refused. */
  readonly isShort: () => boolean;
  readonly handle: (request: IncomingMessage, response: PacedResponse, admitted: Admitted) => void;
  readonly refuse: (
    request: IncomingMessage,
    response: PacedResponse,
    reason?: DrawbridgeError,
  ) => void;
}

export interface Edge {
  /** Takes a new connection. */
  readonly connected: (socket: Socket) => void;
  readonly listener: (request: IncomingMessage, response: PacedResponse) => void;
  close(): void;
}

const NOTHING = Buffer.alloc(0);
/** Bodies up to here need no budget: they cost no more than the request itself. */
const SMALL_BYTES = 16 * 1024;
const SMALL_WEIGHT = 64 * 1024;

export function createEdge(options: EdgeOptions): Edge {
  const { limits, logger, toKey, verify, turn, isShort, handle, refuse } = options;
  const closed = createTally((reason, count) =>
    logger.warn({ reason, count }, 'connections were closed'),
  );
  const unknown = createUnknownConnections({
    limit: () => limits().unknownConnections,
    onClose: closed.note,
  });
  const unread = createUnreadAnswers({
    limits: () => {
      const { unreadBytes: own, unreadBytesTotal: all, unreadTimeout: timeoutMs } = limits();
      return { own, all, timeoutMs };
    },
    onClose: closed.note,
  });
  const reading = createBudget({
    of: 'bodies being read',
    limits: () => ({ own: limits().readingBytes, all: limits().readingBytesTotal }),
  });
  const holding = createBudget({
    of: 'requests under way',
    limits: () => ({ own: limits().heldBytes, all: limits().heldBytesTotal }),
  });
  const bodies = createBodyReader();

  /** Never rejects. */
  const admit = async (request: IncomingMessage, response: PacedResponse): Promise<void> => {
    const { socket } = request;
    const key = toKey(request);
    let principal: Principal | undefined;
    let reason: DrawbridgeError | undefined;
    try {
      if (key !== undefined) principal = await verify(key);
    } catch (error) {
      logger.debug({ err: error }, 'a key could not be verified');
      reason = findDrawbridgeError(error) ?? notVerified(error);
    }
    const owner = principal?.id ?? `address ${socket.remoteAddress ?? ''}`;
    const myTurn = turn(owner);
    if (myTurn !== undefined) await myTurn;
    if (socket.destroyed) return;
    if (principal === undefined) {
      response.countFor(unread.accountOf(socket, owner));
      if (hasBody(request)) leaveUnread(request, response);
      refuse(request, response, reason);
      return;
    }
    unknown.remove(socket);
    response.countFor(unread.accountOf(socket, owner));
    if (isShort()) {
      if (hasBody(request)) leaveUnread(request, response);
      refuse(request, response, outOfMemory());
      return;
    }
    if (!hasBody(request)) {
      handle(request, response, { principal, body: NOTHING });
      return;
    }
    let shares: BudgetShares | undefined;
    try {
      const reading = toReadOptions(request);
      const { length = Infinity, maxBytes } = reading;
      let body: Buffer;
      if (length <= SMALL_BYTES && length <= maxBytes) {
        if (expectsContinue(request)) response.writeContinue();
        body = await bodies.read(request, reading);
      } else {
        shares = createBudgetShares(response);
        body = await readWithin({ request, response, principal }, { shares, reading });
      }
      // The worker that parses larger bodies weighs them too.
      const weight = body.length > LARGE_BYTES ? 0 : weighRequest(body);
      if (weight > SMALL_WEIGHT) {
        shares ??= createBudgetShares(response);
        await shares.take(holding, principal.id, weight);
      }
      if (!request.socket.destroyed) handle(request, response, { principal, body });
    } catch (error) {
      shares?.release();
      if (socket.destroyed) return;
      if (!(error instanceof DrawbridgeError)) {
        logger.warn({ err: error }, 'a request broke off');
        response.destroy();
        return;
      }
      if (!request.readableEnded) leaveUnread(request, response);
      refuse(request, response, error);
    }
  };

  /** Reads a body within the budgets. */
  const readWithin = async (
    { request, response, principal: { id } }: Exchange,
    {
      shares,
      reading: options,
    }: { readonly shares: BudgetShares; readonly reading: ReadBodyOptions },
  ): Promise<Buffer> => {
    const { length, maxBytes } = options;
    if (length !== undefined && length > maxBytes) throw tooLarge(maxBytes);
    if (length !== undefined) await shares.take(holding, id, length);
    // A body in chunks may become as large as the limit.
    const release = await reading.take(id, length ?? maxBytes, shares.signal());
    try {
      if (expectsContinue(request)) response.writeContinue();
      const body = await bodies.read(request, options);
      if (length === undefined && body.length > SMALL_BYTES)
        await shares.take(holding, id, body.length);
      return body;
    } finally {
      release();
    }
  };

  const toReadOptions = (request: IncomingMessage): ReadBodyOptions => {
    const { bodyBytes: maxBytes, bodyTimeout: timeoutMs } = limits();
    return { length: lengthOf(request), maxBytes, timeoutMs };
  };

  const onRequest = oneByOne<PacedResponse>({
    handle: (request, response) => void admit(request, response),
    onClose: closed.note,
  });

  return {
    connected: unknown.add,
    listener(request, response) {
      limitPieces(request);
      onRequest(request, response);
    },
    close() {
      unread.close();
      bodies.close();
      closed.close();
    },
  };
}

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: PacedResponse;
  readonly principal: Principal;
}

function notVerified(cause: unknown): DrawbridgeError {
  return new DrawbridgeError('store/unavailable', 'The key could not be verified.', { cause });
}

function outOfMemory(): DrawbridgeError {
  return new DrawbridgeError(
    'request/busy',
    'The bridge has little memory left; try again in a moment.',
  );
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

function lengthOf({ headers }: IncomingMessage): number | undefined {
  const length = headers['content-length'];
  return headers['transfer-encoding'] === undefined && length !== undefined
    ? Number(length)
    : undefined;
}

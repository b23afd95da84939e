// Limits the pieces of a chunked body. Node calls back for every chunk, which for a chunk of one byte costs a
// thousand times what the byte costs, and it reads 64 KB of them in one turn of the event loop. Beyond the
// limit, pieces are dropped; that holds before the key is known, too.
import type { IncomingMessage } from 'node:http';
import { DrawbridgeError } from '../errors.ts';

/** A body may have this many pieces, and one more for each 64 bytes. */
const MAX_PIECES = 1_024;
const LEAST_PIECE_BYTES = 64;

const cutShort = new WeakSet<IncomingMessage>();
const CUT = Symbol('cut short');

/** Counts the pieces of a chunked body, and drops those over the limit. */
export function limitPieces(request: IncomingMessage): void {
  if (request.headers['transfer-encoding'] === undefined) return;
  const push = request.push.bind(request);
  let pieces = 0;
  let bytes = 0;
  request.push = (piece: Buffer | null, encoding?: BufferEncoding): boolean => {
    if (piece === null) return push(piece, encoding);
    if (cutShort.has(request)) return false;
    pieces += 1;
    bytes += piece.length;
    if (pieces <= MAX_PIECES + bytes / LEAST_PIECE_BYTES) return push(piece, encoding);
    cutShort.add(request);
    request.emit(CUT);
    return false;
  };
}

/** Calls back once, when the first piece is dropped; at once when that has happened. */
export function onTooManyPieces(request: IncomingMessage, onCut: () => void): void {
  if (cutShort.has(request)) onCut();
  else request.once(CUT, onCut);
}

export function tooManyPieces(): DrawbridgeError {
  return new DrawbridgeError(
    'request/invalid',
    `The body came in more than ${MAX_PIECES} pieces of fewer than ${LEAST_PIECE_BYTES} bytes; send larger chunks.`,
  );
}

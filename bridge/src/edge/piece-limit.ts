// Bodies in chunks of a byte. Node calls back for every chunk, a thousand times what the byte itself
// costs, and reads 64 KB of them in one turn of the event loop. What comes in too many pieces is no
// longer taken in, from the first moment of the request, whoever sends it.
import type { IncomingMessage } from 'node:http';
import { DrawbridgeError } from '../errors.ts';

/** So many pieces, whatever their size, and then one for so many bytes. */
const MAX_PIECES = 1_024;
const LEAST_PIECE_BYTES = 64;

const cutShort = new WeakSet<IncomingMessage>();
const CUT = Symbol('cut short');

/** Counts what a body in chunks comes in, and drops what is too much. */
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

/** Calls back once, now or later, when pieces of the body are dropped. */
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

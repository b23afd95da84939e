// Reads a server's stdout in turns: whatever a server writes at once, and however small its lines are,
// other servers and callers are heard in between. What is too much waits in the pipe.
import type { Readable } from 'node:stream';
import type { LineReader } from './line-reader.ts';

const TURN_MS = 5;
/** About what is read before the next look at the other callers. */
const CHUNKS_BYTES = 256 * 1024;

export interface LineTurns {
  /** Nothing more is read until as many holds are released. */
  hold(): void;
  release(): void;
}

export function readInTurns(stdout: Readable, reader: LineReader): LineTurns {
  const waiting: Buffer[] = [];
  let holds = 0;
  let isDue = false;

  const work = (): void => {
    isDue = false;
    const until = performance.now() + TURN_MS;
    const isTurnOver = (): boolean => holds > 0 || performance.now() > until;
    for (let chunk = waiting.shift(); chunk !== undefined; chunk = waiting.shift()) {
      const rest = reader.push(chunk, isTurnOver);
      if (rest !== undefined) waiting.unshift(rest);
      if (isTurnOver()) break;
    }
    if (holds > 0 || waiting.length > 0) stdout.pause();
    if (holds > 0) return;
    if (waiting.length > 0) later();
    else if (stdout.isPaused()) stdout.resume();
  };
  const later = (): void => {
    if (isDue) return;
    isDue = true;
    setImmediate(work);
  };

  let turn = 0;
  stdout.on('data', (chunk: Buffer) => {
    waiting.push(chunk);
    if (holds > 0 || isDue) return;
    work();
    // A stream hands over chunk after chunk without a turn between them.
    turn += chunk.length;
    if (turn < CHUNKS_BYTES || isDue) return;
    turn = 0;
    stdout.pause();
    later();
  });
  return {
    hold() {
      holds += 1;
      stdout.pause();
    },
    release() {
      holds -= 1;
      if (holds === 0) later();
    },
  };
}

// A log file that does not grow without end: when it is full it becomes `<name>.1`, in place of the one
// before, and a new one begins. So a log takes twice its limit at most.
import {
  closeSync,
  fstatSync,
  mkdirSync,
  openSync,
  renameSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import type { DestinationStream } from 'pino';

const MAX_LOG_BYTES = 10 * 1024 * 1024;

/**
 * Each line is in the file when `write` returns, so that a crash loses none. A line that cannot be
 * written, as on a full disk, is lost: what is logged must not end what logs it.
 */
export function createRotatingFile(path: string, maxBytes = MAX_LOG_BYTES): DestinationStream {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const open = (): { file: number; bytes: number } => {
    const file = openSync(path, 'a', 0o600);
    return { file, bytes: fstatSync(file).size };
  };
  let current: ReturnType<typeof open> | undefined = open();

  const append = (data: Buffer): void => {
    if (current !== undefined && current.bytes > 0 && current.bytes + data.length > maxBytes) {
      closeSync(current.file);
      current = undefined;
      renameSync(path, `${path}.1`);
    }
    current ??= open();
    current.bytes += writeSync(current.file, data.subarray(0, maxBytes));
  };

  return {
    write(line) {
      try {
        append(Buffer.from(line));
      } catch (error) {
        if (!(error instanceof Error && 'syscall' in error)) throw error;
      }
    },
  };
}

/** Makes room in a file that others write to without counting. */
export function rotateIfFull(path: string, maxBytes = MAX_LOG_BYTES): void {
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  if (size >= maxBytes) renameSync(path, `${path}.1`);
}

// Notices when no file descriptor is left: connections are then closed before any code sees them, and neither
// files nor servers can be opened. Nothing reports that, so a file is opened once a second.
import { closeSync, openSync } from 'node:fs';
import { devNull } from 'node:os';
import type { Logger } from 'pino';
import { isSystemError } from '../errors.ts';

export interface OpenFiles {
  /** Resolves when there is room; rejects when there is none, or was none a moment ago. */
  check(): Promise<string>;
  close(): void;
}

const PROBE_MS = 1_000;
const TELL_MS = 60_000;
const NONE_LEFT =
  'no file descriptor is left, so connections are lost; raise the limit of open files (ulimit -n, LimitNOFILE)';

export function watchOpenFiles(
  logger: Logger,
  tryToOpen: () => void = () => closeSync(openSync(devNull, 'r')),
): OpenFiles {
  let isShort = false;
  let toldAt = Number.NEGATIVE_INFINITY;

  const probe = (): void => {
    try {
      tryToOpen();
      isShort = false;
    } catch (error) {
      if (!isSystemError(error, 'EMFILE', 'ENFILE')) throw error;
      isShort = true;
      if (performance.now() - toldAt < TELL_MS) return;
      toldAt = performance.now();
      logger.error({ err: error }, NONE_LEFT);
    }
  };
  const timer = setInterval(probe, PROBE_MS).unref();
  return {
    async check() {
      probe();
      if (isShort) throw new Error(NONE_LEFT);
      return 'there is room';
    },
    close: () => clearInterval(timer),
  };
}

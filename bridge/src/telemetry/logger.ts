// The process's own log: JSON lines on stdout, or readable lines on stderr when a person watches, so
// that stdout stays clean for what the command itself says. Requests, calls and runs are told by the
// fields `requestId`, `callId`, `runId` of child loggers.
import { type DestinationStream, type Level, type Logger, destination, pino } from 'pino';
import { createRedact } from '../secrets/redaction.ts';
import { createLineLimit, toLineKind } from './line-limit.ts';
import { createRotatingFile } from './rotating-file.ts';

export type LogLevel = Level | 'silent';

export interface LoggerOptions {
  readonly level?: LogLevel;
  /** Readable instead of JSON; by default when stdout is a terminal. */
  readonly pretty?: boolean;
  /** Literal values that never appear in a line, as the settings know them at the moment. */
  readonly secretValues?: () => readonly string[];
  /** Takes the lines instead of stdout or stderr. */
  readonly stream?: DestinationStream;
  /** A file instead of stdout; never larger than 10 MB, and one more as old. */
  readonly file?: string | undefined;
}

const secretHeaders = ['authorization', 'cookie', '["set-cookie"]', '["x-api-key"]'];

/** Paths whose values are never written, wherever a request's headers are logged. */
const redactedPaths = ['headers', '*.headers']
  .flatMap((path) =>
    secretHeaders.map((header) => (header.startsWith('[') ? path + header : `${path}.${header}`)),
  )
  .concat('authorization', '*.authorization');

export async function createLogger(options: LoggerOptions = {}): Promise<Logger> {
  const { level = 'info', file, secretValues = () => [] } = options;
  const pretty = options.pretty ?? (file === undefined && process.stdout.isTTY);
  const given = options.stream ?? (file === undefined ? undefined : createRotatingFile(file));
  const stream = pretty ? await createPrettyStream(given) : (given ?? destination(1));
  const redact = createRedact({ literals: secretValues });
  let isTellingLeftOut = false;
  const limit = createLineLimit({
    onLeftOut(leftOut) {
      isTellingLeftOut = true;
      logger.warn({ leftOut }, 'lines were left out of this log');
      isTellingLeftOut = false;
    },
  });
  const logger = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: redactedPaths, censor: REDACTED },
      hooks: {
        logMethod(args, method, number) {
          // Whoever asks for debug lines wants all of them.
          const isBounded = number >= INFO && !isTellingLeftOut;
          if (!isBounded || limit.admit(toLineKind(String(number), toMessageText(args)))) {
            method.apply(this, args);
          }
        },
        streamWrite: (line) => cutLine(redact(line)),
      },
    },
    stream,
  );
  return logger;
}

/** pino's number of the level. */
const INFO = 30;
const MAX_LINE_CHARACTERS = 64 * 1024;

/** The message among the arguments of a log method; `(fields, message)` or `(message)`. */
function toMessageText([first, second]: readonly unknown[]): string {
  if (typeof first === 'string') return first;
  return typeof second === 'string' ? second : '';
}

/** A line that is cut is not JSON any more, and says so. */
function cutLine(line: string): string {
  return line.length <= MAX_LINE_CHARACTERS
    ? line
    : `${line.slice(0, MAX_LINE_CHARACTERS).trimEnd()}… (${line.length} characters)\n`;
}

const REDACTED = '[redacted]';

/** Formats in place: pino's worker would be a file of its own beside the bundle. */
async function createPrettyStream(
  stream: DestinationStream = destination(2),
): Promise<DestinationStream> {
  const { prettyFactory } = await import('pino-pretty');
  const format = prettyFactory({
    colorize: process.stderr.isTTY,
    translateTime: 'SYS:HH:MM:ss',
    ignore: 'pid,hostname',
  });
  return {
    write: (line) => {
      stream.write(format(line) ?? '');
    },
  };
}

// The process's own log: JSON lines on stdout, or readable lines on stderr when a person watches, so
// that stdout stays clean for what the command itself says. Requests, calls and runs are told by the
// fields `requestId`, `callId`, `runId` of child loggers.
import { type DestinationStream, type Level, type Logger, destination, pino } from 'pino';
import { createRedact } from '../runs/redaction.ts';

export type LogLevel = Level | 'silent';

export interface LoggerOptions {
  readonly level?: LogLevel;
  /** Readable instead of JSON; by default when stdout is a terminal. */
  readonly pretty?: boolean;
  /** Literal values that never appear in a line, as the settings know them at the moment. */
  readonly secretValues?: () => readonly string[];
  /** Takes the lines instead of stdout or stderr. */
  readonly stream?: DestinationStream;
}

const secretHeaders = ['authorization', 'cookie', '["set-cookie"]', '["x-api-key"]'];

/** Paths whose values are never written, wherever a request's headers are logged. */
const redactedPaths = ['headers', '*.headers']
  .flatMap((path) =>
    secretHeaders.map((header) => (header.startsWith('[') ? path + header : `${path}.${header}`)),
  )
  .concat('authorization', '*.authorization');

export async function createLogger(options: LoggerOptions = {}): Promise<Logger> {
  const { level = 'info', pretty = process.stdout.isTTY, secretValues = () => [] } = options;
  const stream = pretty
    ? await createPrettyStream(options.stream)
    : (options.stream ?? destination(1));
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: redactedPaths, censor: REDACTED },
      hooks: { streamWrite: createRedact({ literals: secretValues }) },
    },
    stream,
  );
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

// What a server says to its operator: one JSON object per line on stderr, because stdout carries the
// protocol and the bridge keeps stderr as the server's log.

/** Writes one line. `error` is described with its stack, which never goes to a caller. */
export type Log = (message: string, details?: Readonly<Record<string, unknown>>) => void;

function described(value: unknown): unknown {
  return value instanceof Error
    ? {
        name: value.name,
        message: value.message,
        stack: value.stack,
        cause: described(value.cause),
      }
    : value;
}

export function createLog(server: string, stream: NodeJS.WritableStream = process.stderr): Log {
  return (message, details = {}) => {
    const entries = Object.entries(details).map(([key, value]) => [key, described(value)]);
    const line = { at: new Date().toISOString(), server, message, ...Object.fromEntries(entries) };
    stream.write(`${JSON.stringify(line)}\n`);
  };
}

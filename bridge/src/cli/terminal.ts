// What a command talks to: streams, environment, colours. Passed in, so that a command runs in a test
// as it does in a shell. Results go to stdout; everything said about them goes to stderr.
import type { Readable } from 'node:stream';
import { createColors } from 'picocolors';
import yoctoSpinner from 'yocto-spinner';

export interface OutputStream {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  write(text: string): unknown;
}

export interface Terminal {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly stdin: Readable & { readonly isTTY?: boolean | undefined };
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  /** Aborted by the first SIGINT, SIGTERM or SIGHUP, with an {@link Interruption}. */
  readonly signal: AbortSignal;
}

/** A signal told the process to end. */
export class Interruption extends Error {
  constructor(signal: NodeJS.Signals) {
    super(signal);
    this.name = 'AbortError';
  }
}

export type Colors = ReturnType<typeof createColors>;

/** Colours for one stream, off where nobody sees them or `NO_COLOR` is set. */
export function colorsFor({ env }: Terminal, stream: OutputStream): Colors {
  const wanted = env['FORCE_COLOR'] ? env['FORCE_COLOR'] !== '0' : stream.isTTY === true;
  return createColors(wanted && !env['NO_COLOR']);
}

/** Shows that something takes long, on a terminal only. Stopping it twice is fine. */
export function startSpinner({ stderr }: Terminal, text: string): { stop(): void } {
  if (stderr.isTTY !== true) return { stop: () => undefined };
  const spinner = yoctoSpinner({ text, handleSignals: false }).start();
  return { stop: () => void spinner.stop() };
}

export async function withSpinner<T>(
  terminal: Terminal,
  text: string,
  work: () => Promise<T>,
): Promise<T> {
  const spinner = startSpinner(terminal, text);
  try {
    return await work();
  } finally {
    spinner.stop();
  }
}

export function printLine(stream: OutputStream, text: string): void {
  stream.write(`${text}\n`);
}

export function printJson(stream: OutputStream, value: unknown): void {
  printLine(stream, JSON.stringify(value, undefined, 2));
}

const ESC = String.fromCodePoint(0x1b);
const colorCodes = new RegExp(`${ESC}\\[[0-9;]*m`, 'g');

/** Columns as wide as their widest cell; the last one is cut to the terminal. */
export function printTable(stream: OutputStream, rows: readonly (readonly string[])[]): void {
  const width = (cell: string) => cell.replaceAll(colorCodes, '').length;
  const widths = rows.reduce<number[]>(
    (widest, row) => row.map((cell, index) => Math.max(widest[index] ?? 0, width(cell))),
    [],
  );
  for (const row of rows) {
    const line = row
      .map((cell, index) => {
        const isLast = index === row.length - 1;
        return isLast ? cell : cell + ' '.repeat((widths[index] ?? 0) - width(cell));
      })
      .join('  ');
    const room = stream.columns;
    const cut = room !== undefined && width(line) > room && width(line) === line.length;
    printLine(stream, (cut ? `${line.slice(0, room - 1)}…` : line).trimEnd());
  }
}

/** Removes what could move a terminal's cursor: texts of servers and callers are shown as text. */
export function toPlain(text: string): string {
  // Control characters but tab and line feed, and the marks that reverse the direction of text.
  return text.replaceAll(/(?![\n\t])[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu, '\ufffd');
}

// The entry of `drawbridge`: runs one command and says how it ended by the exit code.
import { CommanderError } from 'commander';
import packageJson from '../../package.json' with { type: 'json' };
import { EXIT_USAGE, toReport } from './failure.ts';
import { createProgram } from './program.ts';
import { Interruption, type Terminal, colorsFor, printJson, printLine } from './terminal.ts';

/** The exit code: 0, 1 for a failure of the call or the tool, 2 for wrong usage or settings, 130 when interrupted. */
export async function main(
  argv: readonly string[] = process.argv.slice(2),
  terminal: Terminal = createTerminal(),
): Promise<number> {
  try {
    await createProgram(terminal, packageJson.version).parseAsync(argv, { from: 'user' });
    return Number(process.exitCode ?? 0);
  } catch (error) {
    // commander has printed its own message; help and version end this way too.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_USAGE;
    if (terminal.signal.aborted) return INTERRUPTED;
    return report(error, { argv, terminal });
  }
}

const INTERRUPTED = 130;

function report(
  error: unknown,
  { argv, terminal }: { argv: readonly string[]; terminal: Terminal },
): number {
  const { exitCode, message, hint, details } = toReport(error);
  if (argv.includes('--json')) {
    if (message !== '') printJson(terminal.stderr, { error: { message, hint, details } });
    return exitCode;
  }
  const { red, dim } = colorsFor(terminal, terminal.stderr);
  if (message !== '') printLine(terminal.stderr, `${red('✗')} ${message}`);
  if (hint !== undefined) printLine(terminal.stderr, dim(`  ${hint}`));
  return exitCode;
}

function createTerminal(): Terminal {
  const interrupted = new AbortController();
  // Once: a second signal ends the process as it would without us.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => interrupted.abort(new Interruption(signal)));
  }
  // A reader that has seen enough (`| head`) is no failure.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit(0);
  });
  const { env, stdin, stdout, stderr } = process;
  return { env, cwd: process.cwd(), stdin, stdout, stderr, signal: interrupted.signal };
}

// `drawbridge call`: one tool call, as a person or a script writes it.
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { text as readAll } from 'node:stream/consumers';
import type { Command } from 'commander';
import { isRecord } from '../../json-record.ts';
import type { CallAnswer } from '@drawbridge/schemas';
import { withBridge } from './connect.ts';
import { CommandFailure, EXIT_FAILURE, EXIT_USAGE } from '../failure.ts';
import { type BridgeCommandOptions, withBridgeOptions } from '../options.ts';
import { type Terminal, printJson, printLine, toPlain, withSpinner } from '../terminal.ts';

type CallOptions = BridgeCommandOptions & { readonly args?: string };

export function addCallCommand(program: Command, terminal: Terminal): void {
  withBridgeOptions(
    program
      .command('call')
      .summary('call a tool')
      .description('Calls a tool and prints its text. The call is in the log like any other.')
      .argument('<tool>', 'its name as `drawbridge tools` lists it')
      .argument('[arguments...]', 'name=text, or name:=JSON for anything but text')
      .option(
        '--args <json>',
        'all arguments as one JSON object; @FILE reads a file, - reads stdin',
      ),
  )
    .addHelpText(
      'after',
      `
Examples:
  $ drawbridge call filesystem__read_text path=README.md limit:=20
  $ drawbridge call filesystem__find --args '{"pattern":"**/*.ts"}'
  $ echo '{"path":"."}' | drawbridge call filesystem__list --args - --json

Exit codes: 0 result, 1 the tool or the call failed, 2 wrong usage.`,
    )
    .action(async (tool: string, pairs: string[], options: CallOptions) => {
      const args = { ...(await readArguments(options.args, terminal)), ...parseArguments(pairs) };
      await withBridge(terminal, options, async (client) => {
        const answer = await withSpinner(terminal, tool, () => client.call(tool, args));
        if (options.json === true) printJson(terminal.stdout, answer);
        else printAnswer(answer, terminal);
        // What the tool itself said is its message; it was printed already.
        if (answer.outcome !== 'result') throw new CommandFailure('', { exitCode: EXIT_FAILURE });
      });
    });
}

/** `name=text` and `name:=JSON` as an object. Throws a usage failure. */
export function parseArguments(pairs: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const [, name, isJson, value = ''] = /^([^=:]+)(:?)=(.*)$/s.exec(pair) ?? [];
      if (name === undefined) {
        throw new CommandFailure(`"${pair}" is no argument; write name=text or name:=JSON.`, {
          exitCode: EXIT_USAGE,
        });
      }
      return [name, isJson === ':' ? parseJson(value, name) : value];
    }),
  );
}

async function readArguments(
  source: string | undefined,
  { stdin, cwd }: Terminal,
): Promise<Record<string, unknown>> {
  if (source === undefined) return {};
  const text =
    source === '-'
      ? await readAll(stdin)
      : source.startsWith('@')
        ? await readFile(resolve(cwd, source.slice(1)), 'utf8')
        : source;
  const value = parseJson(text, '--args');
  if (isRecord(value)) return { ...value };
  throw new CommandFailure('--args needs a JSON object.', { exitCode: EXIT_USAGE });
}

function parseJson(text: string, name: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new CommandFailure(`${name} is not JSON: ${text.slice(0, 80)}`, {
      exitCode: EXIT_USAGE,
      cause: error,
    });
  }
}

function printAnswer({ outcome, result }: CallAnswer, terminal: Terminal): void {
  if (outcome === 'input_required') {
    printLine(
      terminal.stderr,
      'The tool asks a question before it goes on, which this command cannot answer. Call it from an MCP client.',
    );
    printJson(terminal.stderr, result['inputRequests'] ?? result);
    return;
  }
  const stream = outcome === 'result' ? terminal.stdout : terminal.stderr;
  const { content } = result;
  const parts = Array.isArray(content) ? content.filter(isRecord) : [];
  for (const part of parts) printLine(stream, toText(part, terminal));
  if (parts.length === 0) printJson(stream, result['structuredContent'] ?? result);
}

/** Texts go to a pipe as they are; a terminal gets them without control characters. */
function toText(part: Readonly<Record<string, unknown>>, { stdout }: Terminal): string {
  if (typeof part['text'] === 'string') {
    return stdout.isTTY === true ? toPlain(part['text']) : part['text'];
  }
  const { resource, type, mimeType, data, uri } = part;
  if (isRecord(resource) && typeof resource['text'] === 'string') return resource['text'];
  const size = typeof data === 'string' ? `, ${Math.round((data.length * 3) / 4)} bytes` : '';
  return `[${[type, mimeType, uri].filter((each) => typeof each === 'string').join(' ')}${size}; --json shows it]`;
}

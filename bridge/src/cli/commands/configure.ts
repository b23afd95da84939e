// `drawbridge add` and `remove`: a server in the settings file. A running bridge picks the change up by
// itself, so neither command needs one.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { findPackageRoot, listServers } from '@drawbridge/registry';
import type { Command } from 'commander';
import { CONFIG_FILE_NAME, findConfigFile } from '../../settings/config-file.ts';
import {
  type ServerEntry,
  addServer,
  hasServer,
  readConfigText,
  removeServer,
} from '../../settings/edit-config.ts';
import { type Issue, assertNoIssues } from '../../settings/issues.ts';
import { findProjectCode } from '../../settings/project-code.ts';
import { loadSettings } from '../../settings/settings.ts';
import { CommandFailure, EXIT_USAGE } from '../failure.ts';
import {
  type OutputOptions,
  collect,
  parsePair,
  withConfigOption,
  withHomeOption,
} from '../options.ts';
import { type Terminal, printJson, printLine } from '../terminal.ts';
import { writeSettings } from '../write-settings.ts';

type FileOptions = OutputOptions & { readonly config?: string; readonly home?: string };
type AddOptions = FileOptions & {
  readonly env?: string[];
  readonly header?: string[];
  readonly cwd?: string;
  readonly type?: string;
  readonly force?: boolean;
};

export function addAddCommand(program: Command, terminal: Terminal): void {
  withFileOptions(
    program
      .command('add')
      .summary('add a server to the settings')
      .description(
        'Adds a server to the settings file; its comments and formatting stay. A running bridge picks it up.',
      )
      .argument('<name>', 'what its tools are called by: NAME__tool')
      .argument('[target...]', 'a URL, or a command with its arguments after --')
      .option(
        '-e, --env <NAME=VALUE>',
        'an environment variable of the process (repeatable)',
        collect,
      )
      .option('-H, --header <Name: value>', 'a header of every request (repeatable)', collect)
      .option('--cwd <dir>', 'the folder the process starts in')
      .option('--type <type>', 'http or sse; by default both are tried')
      .option('-f, --force', 'replace a server of this name')
      .option('--json', 'print JSON'),
  )
    .addHelpText(
      'after',
      `
Examples:
  $ drawbridge add filesystem                          a server that ships with Drawbridge
  $ drawbridge add everything -- npx -y @modelcontextprotocol/server-everything
  $ drawbridge add github https://api.githubcopilot.com/mcp/ -H 'Authorization: Bearer \${GITHUB_TOKEN}'

Write secrets as \${VARIABLE}: they are then read from the environment and not kept in the file.`,
    )
    .action((name: string, target: string[], options: AddOptions) => {
      const { source, path } = toPaths(terminal, options);
      const entry = toEntry(name, target, options);
      const text = addServer(readConfigText(source), name, {
        entry,
        replace: options.force === true,
      });
      const others = check(text, { path, name, terminal });
      const edit = (other: string) => addServer(other, name, { entry, replace: true });
      writeSettings({ path, text, edit }, terminal, options);
      if (options.json === true) printJson(terminal.stdout, { name, entry, path });
      else printLine(terminal.stdout, `${name} was added to ${path}.`);
      for (const said of others) printLine(terminal.stderr, said);
    });
}

export function addRemoveCommand(program: Command, terminal: Terminal): void {
  withFileOptions(
    program
      .command('remove')
      .summary('remove a server from the settings')
      .description('Removes a server from the settings file. A running bridge stops it.')
      .argument('<name>', 'the server')
      .option('--json', 'print JSON'),
  ).action((name: string, options: FileOptions) => {
    const { source, path } = toPaths(terminal, options);
    const text = removeServer(readConfigText(source), name);
    const edit = (other: string) => (hasServer(other, name) ? removeServer(other, name) : other);
    writeSettings({ path, text, edit }, terminal, options);
    if (options.json === true) printJson(terminal.stdout, { name, path });
    else printLine(terminal.stdout, `${name} was removed from ${path}.`);
  });
}

/** Where the settings are read from and written to: never into the file that ships with Drawbridge. */
export function toPaths(
  { cwd }: Terminal,
  { config }: { readonly config?: string },
): { source: string; path: string } {
  const source = findConfigFile({ cwd, configPath: config, packageRoot: findPackageRoot() });
  const own = join(cwd, CONFIG_FILE_NAME);
  return { source, path: config === undefined && !existsSync(own) ? own : source };
}

function toEntry(name: string, target: readonly string[], options: AddOptions): ServerEntry {
  const [first, ...rest] = target;
  if (first !== undefined && /^https?:\/\//.test(first)) {
    return {
      ...(options.type !== undefined && { type: options.type }),
      url: first,
      ...(options.header && { headers: toRecord(options.header, ':') }),
    };
  }
  const builtins = listServers().map(({ id }) => id);
  if (first === undefined && !builtins.includes(name)) {
    throw new CommandFailure(`What is ${name}? Give a URL, or a command after --.`, {
      exitCode: EXIT_USAGE,
      hint: `These ship with Drawbridge and need neither: ${builtins.join(', ')}.`,
    });
  }
  const start =
    first === undefined
      ? { command: 'drawbridge', args: ['server', name] }
      : { command: first, args: rest };
  return {
    ...start,
    ...(options.env && { env: toRecord(options.env, '=') }),
    ...(options.cwd !== undefined && { cwd: options.cwd }),
  };
}

function toRecord(pairs: readonly string[], separator: '=' | ':'): Record<string, string> {
  return Object.fromEntries(pairs.map((pair) => parsePair(pair, separator)));
}

/** Refuses a server that could not be used; returns what else there is to say. */
function check(
  text: string,
  { path, name, terminal: { env, cwd } }: { path: string; name: string; terminal: Terminal },
): readonly string[] {
  const settings = loadSettings({ env, cwd, configPath: path, configText: text });
  const prefixes = [`mcpServers.${name}`, `servers.${name}`];
  const isOwn = (issue: Issue) =>
    prefixes.some((prefix) => issue.path === prefix || issue.path.startsWith(`${prefix}.`));
  assertNoIssues(settings.issues.filter(isOwn), path);
  return [
    ...settings.issues.map((issue) => `${issue.path}: ${issue.message}`),
    ...findProjectCode(settings)
      .filter(({ server }) => server === name)
      .map(({ message }) => message),
  ];
}

function withFileOptions(command: Command): Command {
  return withConfigOption(withHomeOption(command));
}

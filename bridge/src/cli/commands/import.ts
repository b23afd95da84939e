// `drawbridge import`: takes over the servers that other MCP clients have. It shows names and places,
// never a value of an environment variable or header, since any of them may be a secret.
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { parseConfigText } from '../../settings/config-file.ts';
import { addServer, readConfigText } from '../../settings/edit-config.ts';
import { isLoopback } from '../../loopback.ts';
import { DEFAULT_PORT } from '../../settings/environment.ts';
import { findHome } from '../../settings/homes.ts';
import { type ClientFile, readClientFile } from '../../settings/import/client-file.ts';
import {
  CLIENTS,
  type Client,
  clientTitles,
  toClientPlaces,
} from '../../settings/import/client-places.ts';
import { type ImportPlan, planImport } from '../../settings/import/plan-import.ts';
import { loadSettings } from '../../settings/settings.ts';
import { readRunningBridge } from '../../store/home-lock.ts';
import { toPaths } from './configure.ts';
import { CommandFailure, EXIT_USAGE } from '../failure.ts';
import { type OutputOptions, withConfigOption, withHomeOption } from '../options.ts';
import {
  type Terminal,
  colorsFor,
  printJson,
  printLine,
  printTable,
  toPlain,
} from '../terminal.ts';
import { writeSettings } from '../write-settings.ts';

type ImportOptions = OutputOptions & {
  readonly config?: string;
  readonly home?: string;
  readonly from?: Client[];
  readonly replace?: boolean;
  readonly keepSecrets?: boolean;
  readonly dryRun?: boolean;
};

export function addImportCommand(program: Command, terminal: Terminal): void {
  withConfigOption(
    withHomeOption(
      program
        .command('import')
        .summary('take over the servers of other MCP clients')
        .description(
          'Adds the servers of Claude Desktop, Claude Code, Cursor or VS Code to the settings file; its comments and formatting stay. Without files and --from it only says what there is.',
        )
        .argument(
          '[file...]',
          'files of such clients; else they are looked for where clients keep them',
        )
        .addOption(
          new Option('--from <client...>', 'the clients whose files are taken').choices([
            ...CLIENTS,
          ]),
        )
        .option('--replace', 'replace servers that are configured already')
        .option(
          '--keep-secrets',
          'copy secrets in plain text; by default a ${VARIABLE} takes their place',
        )
        .option('--dry-run', 'only say what would be done')
        .option('--json', 'print JSON'),
    ),
  )
    .addHelpText(
      'after',
      `
Examples:
  $ drawbridge import                                  what there is
  $ drawbridge import --from cursor vscode --dry-run
  $ drawbridge import ../other/.mcp.json`,
    )
    .action((names: string[], options: ImportOptions) => {
      const found = findFiles(terminal, names, options.from);
      if (names.length === 0 && options.from === undefined) {
        if (options.json === true) printJson(terminal.stdout, { found: found.map(describe) });
        else printFound(found, terminal);
        return;
      }
      const { source, path } = toPaths(terminal, options);
      const plan = toPlan(terminal, { found, source, path, options });
      const isWritten = options.dryRun !== true && plan.taken.length > 0;
      if (isWritten) {
        const edit = (other: string) =>
          plan.taken.reduce(
            (text, { name, entry }) => addServer(text, name, { entry, replace: true }),
            other,
          );
        writeSettings({ path, text: plan.text, edit }, terminal, options);
      }
      if (options.json === true) {
        const { text: _text, ...rest } = plan;
        // Entries may hold secrets that were asked to be kept.
        const taken = plan.taken.map(({ entry: _entry, ...server }) => server);
        printJson(terminal.stdout, { path, isWritten, ...rest, taken });
      } else {
        printPlan(plan, { terminal, path, options });
      }
    });
}

type FoundFile = ClientFile & { readonly client?: Client };

/** The files named, else those of the clients, where they are. */
function findFiles(terminal: Terminal, names: readonly string[], clients = [...CLIENTS]) {
  const { cwd, env } = terminal;
  if (names.length > 0) {
    return names.map((name): FoundFile => readClientFile(resolve(cwd, name), cwd));
  }
  const homeFolder = env['HOME'] ?? env['USERPROFILE'] ?? homedir();
  const machine = { platform: process.platform, env, homeFolder, cwd };
  return clients.flatMap((client) =>
    toClientPlaces(client, machine)
      .filter((path) => existsSync(path))
      .map((path): FoundFile => ({ client, ...readClientFile(path, cwd) })),
  );
}

function toPlan(
  terminal: Terminal,
  {
    found,
    source,
    path,
    options: { replace = false, keepSecrets = false },
  }: { found: readonly FoundFile[]; source: string; path: string; options: ImportOptions },
): ImportPlan {
  if (found.every(({ servers }) => servers.length === 0)) {
    throw new CommandFailure('There are no servers to take over.', {
      exitCode: EXIT_USAGE,
      hint: '`drawbridge import` lists the files of clients that there are.',
    });
  }
  const { env, cwd } = terminal;
  const text = readConfigText(source);
  const { config } = parseConfigText(text, source);
  return planImport({
    files: found,
    text,
    configured: { ...config.servers, ...config.mcpServers },
    replace,
    keepSecrets,
    env,
    cwd,
    platform: process.platform,
    isOwnUrl: toOwnUrlTest(terminal),
    check: (configText, env) => loadSettings({ env, cwd, configPath: path, configText }).issues,
  });
}

function toOwnUrlTest(terminal: Terminal): (url: URL) => boolean {
  const { path, trust } = findHome(terminal);
  const running = trust === 'foreign' ? undefined : readRunningBridge(path)?.url;
  const ports = new Set([
    String(DEFAULT_PORT),
    terminal.env['DRAWBRIDGE_PORT'],
    running === undefined ? undefined : new URL(running).port,
  ]);
  return (url) => isLoopback(url.hostname) && url.port !== '' && ports.has(url.port);
}

function describe({ client, path, servers }: FoundFile) {
  return { client, path, servers: servers.map(({ name }) => name) };
}

function printFound(found: readonly FoundFile[], terminal: Terminal): void {
  const { stdout, stderr } = terminal;
  const { dim } = colorsFor(terminal, stdout);
  if (found.length === 0) {
    printLine(stdout, `No files of ${Object.values(clientTitles).join(', ')} were found.`);
    return;
  }
  printTable(
    stdout,
    found.map(({ client, path, servers }) => [
      client ?? '',
      path,
      servers.length === 0
        ? dim('no servers')
        : toPlain([...new Set(servers.map(({ name }) => name))].join(', ')),
    ]),
  );
  const first = found.find(({ servers }) => servers.length > 0)?.client;
  if (first === undefined) return;
  printLine(stderr, dim(`Take them over with: drawbridge import --from ${first}`));
}

function printPlan(
  { taken, skipped, unset }: ImportPlan,
  { terminal, path, options }: { terminal: Terminal; path: string; options: ImportOptions },
): void {
  const { stdout, stderr } = terminal;
  const { green, yellow, dim } = colorsFor(terminal, stdout);
  for (const { name, notes, plainSecrets, place, path: from } of taken) {
    printLine(stdout, `${green('+')} ${name}  ${dim(`${from}, ${toPlain(place)}`)}`);
    const said = plainSecrets.map(({ place, variable }) =>
      options.keepSecrets === true
        ? `${place} holds a secret in plain text, and was copied; \${${variable}} would keep it out of the file`
        : `${place} held a secret in plain text; \${${variable}} stands in its place`,
    );
    for (const note of [...notes, ...said]) {
      printLine(stdout, `    ${yellow('!')} ${toPlain(note)}`);
    }
  }
  for (const { name, reason } of skipped) {
    printLine(stdout, `${dim('-')} ${toPlain(name)}  ${toPlain(reason)}`);
  }
  if (unset.length > 0) {
    const isOne = unset.length === 1;
    printLine(
      stdout,
      `Set ${isOne ? 'this variable' : 'these variables'} before the bridge starts:`,
    );
    printTable(
      stdout,
      unset.map(({ variable, server, reason }) => [`  ${variable}`, server, dim(toPlain(reason))]),
    );
  }
  const count = `${taken.length} server${taken.length === 1 ? '' : 's'}`;
  if (options.dryRun === true) printLine(stderr, `${count} would be written to ${path}.`);
  else if (taken.length > 0) printLine(stderr, `${count} written to ${path}.`);
  else printLine(stderr, 'Nothing was written.');
}

// `drawbridge backup` and `restore`: the log, the keys and all else a bridge keeps, in one file.
import { existsSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import packageJson from '../../../package.json' with { type: 'json' };
import { readEnvironment } from '../../settings/environment.ts';
import { assertNoIssues } from '../../settings/issues.ts';
import { claimHome, findHome } from '../../settings/homes.ts';
import { createLogger } from '../../telemetry/logger.ts';
import { homeOf } from './connect.ts';
import { CommandFailure, EXIT_USAGE } from '../failure.ts';
import { formatBytes, formatCount } from '../units.ts';
import { type OutputOptions, withHomeOption } from '../options.ts';
import { type Terminal, printJson, printLine, withSpinner } from '../terminal.ts';

type BackupOptions = OutputOptions & {
  readonly home?: string;
  readonly withSecrets?: boolean;
  readonly force?: boolean;
};

export function addBackupCommand(program: Command, terminal: Terminal): void {
  withHomeOption(
    program
      .command('backup')
      .summary('write the log and all else the bridge keeps to a file')
      .description(
        'Writes everything in the database to one compressed file, as it was at one moment. A running bridge goes on. No PostgreSQL tools are needed.',
      )
      .argument('<file>', 'such as drawbridge.backup')
      .option('--with-secrets', 'also the keys and the secret of the home: guard such a file')
      .option('-f, --force', 'replace the file')
      .option('--json', 'print JSON'),
  )
    .addHelpText(
      'after',
      `
Examples:
  $ drawbridge backup drawbridge.backup
  $ DATABASE_URL=postgres://… drawbridge backup drawbridge.backup`,
    )
    .action(async (file: string, options: BackupOptions) => {
      const { home, databaseUrl } = readPlaces(terminal, options);
      const path = resolve(terminal.cwd, file);
      if (existsSync(path) && options.force !== true) {
        throw new CommandFailure(`${path} exists already.`, {
          exitCode: EXIT_USAGE,
          hint: 'Give another name, or --force.',
        });
      }
      const written = await withSpinner(terminal, 'Writing', () =>
        write({ terminal, home, databaseUrl, path, withSecrets: options.withSecrets === true }),
      );
      if (options.json === true) {
        printJson(terminal.stdout, { path, withSecrets: options.withSecrets === true, ...written });
        return;
      }
      printLine(
        terminal.stdout,
        `${path}: ${formatBytes(written.bytes)}, ${describe(written.rows)}, at migration ${written.migration}.`,
      );
      if (options.withSecrets === true) {
        printLine(terminal.stderr, 'It holds the keys of this home: whoever has it can use them.');
      }
    });
}

export function addRestoreCommand(program: Command, terminal: Terminal): void {
  withHomeOption(
    program
      .command('restore')
      .summary('read a backup back')
      .description(
        'Reads a backup into the home’s database, or that of DATABASE_URL. No bridge may run on it. A file that is damaged changes nothing.',
      )
      .argument('<file>', 'what `drawbridge backup` wrote')
      .option('-f, --force', 'replace what the database and the home hold')
      .option('--json', 'print JSON'),
  ).action(async (file: string, options: BackupOptions) => {
    const { home, databaseUrl } = readPlaces(terminal, options);
    const path = resolve(terminal.cwd, file);
    if (statSync(path, { throwIfNoEntry: false })?.isFile() !== true) {
      throw new CommandFailure(`There is no file ${path}.`, { exitCode: EXIT_USAGE });
    }
    claimHome(findHome({ ...terminal, home: options.home }), terminal.env);
    const { header, rows, migrated } = await withSpinner(terminal, 'Reading', () =>
      restore({ terminal, home, databaseUrl, path, force: options.force === true }),
    );
    const files = Object.keys(header.files);
    if (options.json === true) {
      const { createdAt, madeBy } = header;
      printJson(terminal.stdout, { path, home, createdAt, madeBy, rows, migrated, files });
      return;
    }
    printLine(terminal.stdout, `Restored ${describe(rows)}, as of ${header.createdAt}.`);
    if (migrated.length > 0) printLine(terminal.stdout, `Migrated: ${migrated.join(', ')}.`);
    printLine(
      terminal.stdout,
      files.length > 0
        ? `Restored in ${home}: ${files.join(', ')}.`
        : `The backup has no secrets: the next start makes new keys in ${home}. Other keys stay valid.`,
    );
  });
}

interface Places {
  readonly home: string;
  readonly databaseUrl: string | undefined;
}

function readPlaces(terminal: Terminal, options: BackupOptions): Places {
  const { env, cwd } = terminal;
  const home = homeOf(terminal, options);
  const { environment, issues } = readEnvironment({ env, cwd, home });
  const ours = issues.filter(({ path }) => path === 'DATABASE_URL');
  assertNoIssues(ours, 'the environment');
  return { home, databaseUrl: environment.databaseUrl };
}

// The database's code is loaded when it is needed: the other commands start faster without it.

async function write({
  terminal: { signal },
  home,
  databaseUrl,
  path,
  withSecrets,
}: Places & { terminal: Terminal; path: string; withSecrets: boolean }) {
  const [{ connectAsOwner }, { readHomeFiles }, { writeBackup }] = await Promise.all([
    import('../../store/backup/owner-connection.ts'),
    import('../../store/backup/home-files.ts'),
    import('../../store/backup/write-backup.ts'),
  ]);
  const logger = await createLogger({ level: 'silent' });
  const { client, close } = await connectAsOwner({
    home,
    databaseUrl,
    logger,
    signal,
    exclusive: false,
  });
  try {
    const files = withSecrets ? await readHomeFiles(home) : {};
    return await writeBackup({ client, path, version: packageJson.version, files, signal });
  } finally {
    await close();
  }
}

async function restore({
  terminal: { signal },
  home,
  databaseUrl,
  path,
  force,
}: Places & { terminal: Terminal; path: string; force: boolean }) {
  const [{ connectAsOwner }, { assertNoneLost, writeHomeFiles }, { restoreBackup }] =
    await Promise.all([
      import('../../store/backup/owner-connection.ts'),
      import('../../store/backup/home-files.ts'),
      import('../../store/backup/restore-backup.ts'),
    ]);
  const logger = await createLogger({ level: 'silent' });
  const { client, close } = await connectAsOwner({
    home,
    databaseUrl,
    logger,
    signal,
    exclusive: true,
  });
  try {
    const restored = await restoreBackup({
      client,
      path,
      force,
      signal,
      onHeader: async ({ files }) => {
        if (!force) await assertNoneLost(home, files);
      },
    });
    await writeHomeFiles(home, restored.header.files);
    return restored;
  } finally {
    await close();
  }
}

function describe(rows: Readonly<Record<string, number>>): string {
  const { runs = 0, run_events: events = 0 } = rows;
  return `${formatCount(runs, 'run')} with ${formatCount(events, 'event')}`;
}

// The checks of `drawbridge doctor` that ask this machine alone: programs, clock, disk, the home's files.
import { execFile } from 'node:child_process';
import { constants, existsSync } from 'node:fs';
import { access, stat, statfs } from 'node:fs/promises';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { findPackageRoot } from '@drawbridge/registry';
import { toMessage } from '../errors.ts';
import { HOME_FILES } from '../store/backup/format.ts';
import { findPackage } from '../store/embedded/binaries.ts';
import { type Check, type CheckContext, type Finding, fail, ok, warn } from './finding.ts';
import { findCommand } from './find-command.ts';

const execute = promisify(execFile);
const PROBE_MS = 5_000;
const GB = 1024 ** 3;

/** What the machine and the files say; none of it needs a running bridge. */
export const machineChecks: readonly Check[] = [
  { name: 'node', run: () => Promise.resolve(checkNode(process.versions.node)) },
  { name: 'git', run: checkGit },
  { name: 'packages', run: checkPackages },
  { name: 'postgres', run: checkPostgres },
  { name: 'setpriv', run: checkSetpriv },
  { name: 'clock', run: checkClock },
  { name: 'disk', run: checkDisk },
  { name: 'home', run: checkHome },
];

export function checkNode(version: string): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const isNewEnough = major > 20 || (major === 20 && minor >= 19);
  return isNewEnough
    ? ok('node', version)
    : fail('node', `${version} is too old`, 'Install Node.js 20.19 or newer.');
}

async function checkGit(): Promise<Finding> {
  try {
    const { stdout } = await execute('git', ['--version'], { timeout: PROBE_MS });
    return ok('git', stdout.trim().replace('git version ', ''));
  } catch (error) {
    return fail(
      'git',
      `not found (${toMessage(error)})`,
      'Install git and see that it is on the PATH.',
    );
  }
}

function checkPackages(): Promise<Finding> {
  const folder = join(findPackageRoot(), 'node_modules');
  return Promise.resolve(
    existsSync(folder)
      ? ok('packages', 'installed')
      : fail('packages', 'not installed', '`npm start` installs them.'),
  );
}

async function checkPostgres({ terminal: { env } }: CheckContext): Promise<Finding> {
  const external = env['DATABASE_URL'] || undefined;
  if (external !== undefined) return checkExternalPostgres(external);
  const other = 'Set DATABASE_URL to a PostgreSQL 15 or newer.';
  let folder: string;
  try {
    folder = await findPackage(process.platform, process.arch);
  } catch (error) {
    return fail(
      'postgres',
      toMessage(error),
      `\`npm start\` installs it where there is one for this platform. ${other}`,
    );
  }
  const binary = join(folder, 'bin', process.platform === 'win32' ? 'postgres.exe' : 'postgres');
  try {
    const { stdout } = await execute(binary, ['--version'], { timeout: PROBE_MS });
    return ok('postgres', `${stdout.trim()}, run by the bridge itself`);
  } catch (error) {
    return fail(
      'postgres',
      `its program does not run: ${toMessage(error)}`,
      `Install the packages anew. ${other}`,
    );
  }
}

async function checkExternalPostgres(url: string): Promise<Finding> {
  if (!URL.canParse(url)) {
    return fail(
      'postgres',
      'DATABASE_URL is not a URL',
      'Write postgres://user:password@host:5432/database.',
    );
  }
  const { hostname, port: given, searchParams } = new URL(url);
  const host = decodeURIComponent(searchParams.get('host') ?? hostname) || 'localhost';
  const port = Number(given || 5432);
  // PostgreSQL's own way to name a socket: a folder instead of a host.
  const target = host.startsWith('/') ? { path: join(host, `.s.PGSQL.${port}`) } : { host, port };
  const name = 'path' in target ? target.path : `${host}:${port}`;
  const issue = await new Promise<string | undefined>((resolve) => {
    const socket = connect({ ...target, timeout: PROBE_MS });
    const end = (issue?: string) => {
      socket.destroy();
      resolve(issue);
    };
    socket.on('connect', () => end());
    socket.on('timeout', () => end('no answer in time'));
    socket.on('error', (error) => end(toMessage(error)));
  });
  if (issue === undefined) return ok('postgres', `${name} answers`);
  const fix = 'Start it, or fix DATABASE_URL; without it the bridge runs its own.';
  return fail('postgres', `${name}: ${issue}`, fix);
}

function checkSetpriv({ terminal: { env } }: CheckContext): Promise<Finding> {
  if (process.platform !== 'linux')
    return Promise.resolve(ok('setpriv', 'not needed on this system'));
  return Promise.resolve(
    findCommand('setpriv', env) !== undefined
      ? ok('setpriv', 'found: children end with the bridge, however it ends')
      : warn(
          'setpriv',
          'not found: after a kill -9 children live on until the next start sweeps them',
          'Install util-linux.',
        ),
  );
}

async function checkClock(): Promise<Finding> {
  const { mtime } = await stat(join(findPackageRoot(), 'package.json'));
  const hours = (mtime.getTime() - Date.now()) / 3_600_000;
  return hours < 24
    ? ok('clock', new Date().toISOString())
    : fail(
        'clock',
        `${new Date().toISOString()} is before Drawbridge was installed`,
        'Set the clock: ids, keys and the order of the log depend on it.',
      );
}

async function checkDisk({ home: { path: home } }: CheckContext): Promise<Finding> {
  const { bavail, bsize } = await statfs(nearestFolder(home));
  const free = bavail * bsize;
  const detail = `${(free / GB).toFixed(1)} GB free where the home lies`;
  const fix = 'Make room, lower drawbridge.retention, or move the home with DRAWBRIDGE_HOME.';
  if (free < 0.2 * GB) return fail('disk', `${detail}: the log will soon refuse calls`, fix);
  return free < GB ? warn('disk', detail, fix) : ok('disk', detail);
}

async function checkHome({ home: { path: home, trust } }: CheckContext): Promise<Finding[]> {
  if (trust === 'foreign') {
    const fix = `If it is yours, start the bridge with --home ${home}, or on a terminal, which asks.`;
    return [fail('home', `${home} was not made by Drawbridge for this user; it is not used`, fix)];
  }
  if (!existsSync(home)) {
    const parent = nearestFolder(home);
    const isWritable = await canWrite(parent);
    return [
      isWritable
        ? ok('home', `${home} will be made at the first start`)
        : fail(
            'home',
            `${home} cannot be made`,
            `Let this user write to ${parent}, or set DRAWBRIDGE_HOME.`,
          ),
    ];
  }
  const findings: Finding[] = [];
  if (!(await canWrite(home))) {
    findings.push(
      fail('home', `${home} cannot be written`, `Give it to this user: chown -R "$USER" ${home}`),
    );
  }
  if (process.platform !== 'win32') {
    const secrets = HOME_FILES.filter((file) => existsSync(join(home, file)));
    for (const path of secrets.map((file) => join(home, file))) {
      const { mode } = await stat(path);
      if ((mode & 0o077) !== 0) {
        findings.push(fail('home', `${path} can be read by others`, `chmod 600 ${path}`));
      }
    }
  }
  return findings.length > 0 ? findings : [ok('home', home)];
}

function nearestFolder(path: string): string {
  let folder = path;
  while (!existsSync(folder)) folder = dirname(folder);
  return folder;
}

async function canWrite(folder: string): Promise<boolean> {
  return access(folder, constants.R_OK | constants.W_OK | constants.X_OK).then(
    () => true,
    () => false,
  );
}

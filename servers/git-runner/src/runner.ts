// The one place that every git command passes: which program, in which repository, with which
// environment, for how long, and what becomes of its answer.
import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { ToolError } from '@drawbridge/kit';
import { createCommonFolder, removeStale } from './common-folder.ts';
import type { Credentials } from './credentials.ts';
import { toFailure } from './failure.ts';
import { toEnvironment } from './hardening.ts';
import {
  assertAlternates,
  assertNoLinks,
  locate,
  readSmallFile,
  type Folders,
  type Location,
} from './locate.ts';
import { keepHarmless, parseListing, toSettingsText, type Setting } from './own-settings.ts';
import { ANYWHERE_ENV, makePrograms, type Programs } from './programs.ts';
import { runProcess, type ProcessOutput } from './process.ts';
import { createRemoteAccess, type OpenProxy, type RemoteAccess } from './remote-access.ts';
import { createWatchdog } from './watchdog.ts';

export interface GitRunnerOptions {
  /** A folder of the server's own, 0700, made when it is first asked for. */
  stateFolder: () => string;
  env: NodeJS.ProcessEnv;
  credentials?: () => Credentials;
  /** The way to the network; without it, there is none. */
  openProxy?: OpenProxy;
  /** Hosts that ssh may reach, and hosts that plain http may reach. */
  sshHosts?: readonly string[];
  httpHosts?: readonly string[];
}

export interface RunOptions {
  input?: string | Buffer;
  /** Exit codes besides 0 that are an answer. */
  answers?: readonly number[];
  /** Bytes of output; more is refused unless `take` is given, or `cut` allows it. */
  maxBytes?: number;
  /** Whether output over the limit is cut instead of refused. */
  cut?: boolean;
  take?: (piece: Buffer) => boolean;
  env?: Readonly<Record<string, string>>;
  /** The remote's address, for commands that reach it. */
  remote?: string;
  timeout?: number;
  /** Whether what was said until the time limit is an answer. */
  partial?: boolean;
  onMessage?: (piece: string) => void;
}

export interface GitOutput {
  code: number;
  stdout: Buffer;
  /** Without secrets. */
  stderr: string;
  /** Whether there was more output than allowed. */
  cut: boolean;
}

export interface Repository extends Location {
  /** Its harmless settings, the last of a name counting. */
  readonly settings: readonly Setting[];
  run(args: readonly string[], options?: RunOptions): Promise<GitOutput>;
}

export interface UseOptions {
  folders: Folders;
  effect: 'read' | 'write';
  signal: AbortSignal;
  /** Patterns of gitignore(5) for what is not tracked and not to be seen. */
  excludes?: (location: Location) => readonly string[];
}

export interface GitRunner {
  /** Runs `work` with the repository that holds the folder at `path`. */
  withRepository<T>(
    path: string,
    options: UseOptions,
    work: (repository: Repository) => Promise<T>,
  ): Promise<T>;
  /** Runs a command that needs no repository, such as init or clone, in `folder`. */
  runIn(
    folder: string,
    args: readonly string[],
    options: RunOptions & { signal: AbortSignal },
  ): Promise<GitOutput>;
}

export const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;
const TIMEOUT_MS = { read: 30_000, write: 120_000, network: 600_000 };
const MAX_SETTINGS_BYTES = 1024 * 1024;
const MAX_CACHED = 64;

interface Command {
  cwd: string;
  env: Record<string, string>;
  effect: keyof typeof TIMEOUT_MS;
  signal: AbortSignal;
  places?: readonly (readonly [string, string])[];
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

export function createGitRunner(options: GitRunnerOptions): GitRunner {
  const { env, stateFolder } = options;
  const watchdog = createWatchdog();
  const access: RemoteAccess = createRemoteAccess(options);
  /** By the hash of a settings file. */
  const parsed = new Map<string, Setting[]>();
  let made: { home: string; calls: string; programs: Programs } | undefined;
  const ownFolders = () => {
    if (made !== undefined) return made;
    const [home, calls] = [join(stateFolder(), 'empty-home'), join(stateFolder(), 'calls')];
    for (const folder of [home, calls]) mkdirSync(folder, { recursive: true, mode: 0o700 });
    removeStale(calls);
    return (made = { home, calls, programs: makePrograms(env, stateFolder()) });
  };

  const execute = async (
    args: readonly string[],
    run: RunOptions,
    { cwd, env: own, effect, signal, places = [] }: Command,
  ): Promise<GitOutput> => {
    const wrong = args.find((arg) => arg.includes('\0'));
    if (wrong !== undefined) throw new ToolError('An argument has a NUL byte in it.');
    const remote =
      run.remote === undefined ? undefined : await access.open(run.remote, stateFolder());
    const { home, programs } = ownFolders();
    const command = args.find((arg) => !arg.startsWith('-')) ?? '';
    const { maxBytes = MAX_OUTPUT_BYTES, answers = [] } = run;
    const timeout = run.timeout ?? TIMEOUT_MS[remote === undefined ? effect : 'network'];
    const secrets = remote?.secrets ?? [];
    let output: ProcessOutput;
    try {
      output = await runProcess(programs.git, args, {
        cwd,
        env: {
          ...toEnvironment({
            env,
            home,
            ...(remote !== undefined && { more: remote.settings, protocols: [remote.protocol] }),
          }),
          ...(programs.folder !== undefined && { GIT_EXEC_PATH: programs.folder }),
          ...(effect === 'read' && { GIT_OPTIONAL_LOCKS: '0' }),
          ...remote?.env,
          ...own,
          ...run.env,
        },
        ...(run.input !== undefined && { input: run.input }),
        maxBytes: run.take === undefined ? maxBytes : Infinity,
        timeout,
        signal,
        watchdog,
        take: run.take,
        onMessage: run.onMessage,
      });
    } catch (error) {
      if (!isMissing(error)) throw error;
      throw new ToolError('There is no git on this machine, or its folder is gone.', {
        hint: 'the operator can install git 2.31 or newer',
      });
    } finally {
      await remote?.close();
    }
    if (output.ended === 'timeout' && run.partial !== true) {
      throw new ToolError(`git ${command} took longer than ${timeout / 1_000} s and was stopped.`, {
        hint: 'fewer paths or commits at once',
      });
    }
    const cut = output.ended !== 'itself';
    if (output.ended === 'enough' && run.cut !== true && run.take === undefined) {
      throw new ToolError(`git ${command} answered more than ${maxBytes} bytes.`, {
        hint: 'fewer paths or commits at once',
      });
    }
    const code = output.code ?? (cut ? 0 : 128);
    if (code !== 0 && !cut && !answers.includes(code)) {
      // Commits and pushes are refused on stdout.
      const answer = output.stdout.toString('utf8', 0, 2_000);
      const words = answer.includes('\0') ? output.stderr : `${output.stderr}\n${answer}`;
      throw remote?.refusal() ?? toFailure(words, { command, secrets, places });
    }
    const stderr = output.stderr;
    return { code, stdout: output.stdout, stderr: access.redact(stderr, secrets), cut };
  };

  const readSettings = async (folder: string, signal: AbortSignal): Promise<Setting[]> => {
    const bytes = readSmallFile(join(folder, 'config'), MAX_SETTINGS_BYTES);
    if (bytes === undefined || bytes.length === 0) return [];
    const key = createHash('sha256').update(bytes).digest('base64');
    const known = parsed.get(key);
    if (known !== undefined) return known;
    // As text: what it includes is not read.
    const { calls } = ownFolders();
    const { stdout } = await execute(
      ['config', '--file', '-', '--no-includes', '--list', '--null'],
      { input: bytes },
      { cwd: calls, env: { GIT_DIR: calls }, effect: 'read', signal },
    );
    const settings = keepHarmless(parseListing(stdout.toString()));
    parsed.set(key, settings);
    const [oldest] = parsed.keys();
    if (parsed.size > MAX_CACHED && oldest !== undefined) parsed.delete(oldest);
    return settings;
  };

  return {
    runIn: (folder, args, { signal, ...run }) =>
      execute(args, run, {
        cwd: folder,
        env: { [ANYWHERE_ENV]: '1' },
        effect: 'write',
        signal,
      }),
    async withRepository(path, { folders, effect, signal, excludes }, work) {
      const location = await locate(path, folders);
      const { gitFolder, commonFolder, workTree } = location;
      assertNoLinks(location, effect);
      await assertAlternates(join(commonFolder, 'objects'), folders);
      const settings = await readSettings(commonFolder, signal);
      const format = settings.some(({ key }) => key.startsWith('extensions.')) ? 1 : 0;
      const text =
        `[core]\n\trepositoryformatversion = ${format}\n\tbare = ${workTree === undefined}\n` +
        toSettingsText(settings);
      const common = createCommonFolder(location, {
        within: ownFolders().calls,
        settings: text,
        effect,
        excludes: excludes?.(location),
      });
      const places = [
        [common.path, '.git'],
        [gitFolder, '.git'],
        ...(workTree === undefined ? [] : [[workTree, folders.show(workTree)] as const]),
      ] as const;
      try {
        return await work({
          ...location,
          settings,
          run: (args, run = {}) =>
            execute(args, run, {
              cwd: workTree ?? gitFolder,
              env: {
                GIT_DIR: gitFolder,
                GIT_COMMON_DIR: common.path,
                ...(workTree !== undefined && { GIT_WORK_TREE: workTree }),
              },
              effect,
              signal,
              places,
            }),
        });
      } finally {
        common.remove();
      }
    },
  };
}

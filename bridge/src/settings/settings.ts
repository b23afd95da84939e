// Everything that can be set, read once from the environment, the command line and
// `mcp.config.json` into one typed value. Nothing behind this reads the environment.
import { findPackageRoot, listServers } from '@drawbridge/registry';
import type { DrawbridgeOptions } from '@drawbridge/schemas';
import type { UpstreamConfig } from '../upstreams/upstream.ts';
import { findConfigFile, parseConfigText } from './config-file.ts';
import type { PendingSettings } from './choose-settings.ts';
import { type Environment, type EnvironmentOptions, readEnvironment } from './environment.ts';
import { type Issue, assertNoIssues } from './issues.ts';
import { readSettingsText } from './file-safety.ts';
import { keepFaulty } from './keep-faulty.ts';
import { DEFAULT_PROJECT, type Project, rootsOf, toProjects } from './projects.ts';
import { toReadOnlyPaths } from './read-only.ts';
import { passwordOf } from '../secrets/setting-secrets.ts';
import { toServersFolder } from './servers-folder.ts';
import { resolveServers } from './servers.ts';

export interface Settings extends Environment {
  /** The file that was read. */
  readonly configPath: string;
  readonly upstreams: readonly UpstreamConfig[];
  /** Our own part of the file; the settings below are taken from it. */
  readonly own: DrawbridgeOptions;
  /** Patterns of catalog names by toolset. */
  readonly toolsets: DrawbridgeOptions['toolsets'];
  readonly projects: Readonly<Record<string, Project>>;
  /** The project of callers that name none. */
  readonly defaultProject: string;
  readonly cors: DrawbridgeOptions['cors'];
  readonly allowedHosts: readonly string[];
  readonly limits: DrawbridgeOptions['limits'];
  readonly retention: DrawbridgeOptions['retention'];
  /** Literal values that the log and the logger replace wherever they stand, longest first. */
  readonly secretValues: readonly string[];
  /** Where servers without a `cwd` have their folders. */
  readonly serversFolder: string;
  /** Absolute files and folders that no call of a project may write, by project. */
  readonly readOnly: Readonly<Record<string, readonly string[]>>;
  /** What is wrong in the file; it costs only what it stands in. */
  readonly issues: readonly Issue[];
  /** A file whose text is not in force. */
  readonly pending?: PendingSettings;
}

export interface SettingsOptions extends EnvironmentOptions {
  readonly configPath?: string | undefined;
  /** Read in place of what the file holds: the text in force, or a change before it is written. */
  readonly configText?: string;
  /** What is in force: what became faulty stays as it is there. */
  readonly previous?: Settings;
  /** Where Drawbridge lies, with the servers that ship with it. */
  readonly packageRoot?: string;
}

/** @throws DrawbridgeError `settings/invalid` for text that is not JSON, and for a wrong environment. */
export function loadSettings(options: SettingsOptions): Settings {
  const packageRoot = options.packageRoot ?? findPackageRoot();
  const { environment, issues: environmentIssues } = readEnvironment(options);
  const configPath = findConfigFile({ ...options, packageRoot });
  const parsed = parseConfigText(options.configText ?? readFile(configPath), configPath);
  assertNoIssues([...environmentIssues, ...parsed.errors], configPath);
  const { previous, cwd } = options;
  const servers = resolveServers({
    parsed,
    previous: previous?.upstreams ?? [],
    scope: { env: options.env, workspaceFolder: cwd },
    configPath,
    packageRoot,
    builtins: listServers(packageRoot),
  });
  const own = keepFaulty(parsed.config.drawbridge, parsed.dropped, previous?.own);
  const { toolsets, cors, allowedHosts, limits, retention } = own;
  const projects = toProjects(own.projects, { configPath, cwd });
  const readOnlyOf = (namedRoots: readonly string[]) =>
    toReadOnlyPaths({ configPath, cwd, packageRoot, namedRoots });
  const hasProjects = Object.keys(own.projects).length > 0;
  const secrets = [
    ...servers.secretValues,
    // A server that goes on as it was has the values it was started with.
    ...(servers.upstreams.some(({ issue }) => issue !== undefined)
      ? (previous?.secretValues ?? [])
      : []),
    ...(environment.secret === undefined ? [] : [environment.secret]),
    ...[environment.databaseUrl, environment.redisUrl, environment.qdrantUrl].flatMap(passwordOf),
  ];
  return {
    ...environment,
    configPath,
    upstreams: servers.upstreams,
    own,
    toolsets,
    projects,
    defaultProject:
      DEFAULT_PROJECT in projects ? DEFAULT_PROJECT : (Object.keys(projects)[0] ?? ''),
    cors,
    allowedHosts,
    limits,
    retention,
    secretValues: [...new Set(secrets)].sort((a, b) => b.length - a.length),
    serversFolder: toServersFolder({
      home: environment.home,
      roots: [cwd, ...rootsOf(projects)],
      env: options.env,
    }),
    readOnly: Object.fromEntries(
      Object.entries(projects).map(([name, { roots }]) => [
        name,
        readOnlyOf(hasProjects ? roots : []),
      ]),
    ),
    issues: [...parsed.issues, ...servers.issues],
  };
}

function readFile(path: string): string {
  const text = readSettingsText(path);
  if (text !== undefined) return text;
  const issue = { path, message: 'cannot be read: there is no such file' };
  assertNoIssues([issue], path);
  return '';
}

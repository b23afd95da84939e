// Everything that can be set, read once from the environment, the command line and
// `mcp.config.json` into one typed value. Nothing behind this reads the environment.
import { dirname, resolve } from 'node:path';
import { findPackageRoot, listServers } from '@drawbridge/registry';
import type { DrawbridgeOptions } from '@drawbridge/schemas';
import type { UpstreamConfig } from '../upstreams/upstream.ts';
import { findConfigFile, readConfigFile } from './config-file.ts';
import { type Environment, type EnvironmentOptions, readEnvironment } from './environment.ts';
import { assertNoFaults } from './faults.ts';
import { passwordOf } from './secrets.ts';
import { resolveServers } from './servers.ts';

export interface Settings extends Environment {
  /** The file that was read. */
  readonly configPath: string;
  readonly upstreams: readonly UpstreamConfig[];
  /** Patterns of catalog names by toolset. */
  readonly toolsets: DrawbridgeOptions['toolsets'];
  /** Absolute root folders by project. */
  readonly projects: Readonly<Record<string, { readonly roots: readonly string[] }>>;
  /** The project of callers that name none. */
  readonly defaultProject: string;
  readonly cors: DrawbridgeOptions['cors'];
  readonly allowedHosts: readonly string[];
  readonly limits: DrawbridgeOptions['limits'];
  readonly retention: DrawbridgeOptions['retention'];
  /** Literal values that the log and the logger replace wherever they stand, longest first. */
  readonly secretValues: readonly string[];
}

export interface SettingsOptions extends EnvironmentOptions {
  readonly configPath?: string | undefined;
  /** Read in place of what the file holds: for checking a change before it is written. */
  readonly configText?: string;
  /** Where Drawbridge lies, with the servers that ship with it. */
  readonly packageRoot?: string;
}

const DEFAULT_PROJECT = 'default';

/** @throws DrawbridgeError `settings/invalid` with every fault in its details. */
export function loadSettings(options: SettingsOptions): Settings {
  const packageRoot = options.packageRoot ?? findPackageRoot();
  const { environment, faults: environmentFaults } = readEnvironment(options);
  const configPath = findConfigFile({ ...options, packageRoot });
  const { config, faults: fileFaults } = readConfigFile(configPath, options.configText);
  const servers = resolveServers(config, {
    scope: { env: options.env, workspaceFolder: options.cwd },
    configPath,
    packageRoot,
    builtins: listServers(packageRoot).map(({ id }) => id),
  });
  assertNoFaults([...environmentFaults, ...fileFaults, ...servers.faults], configPath);

  const { toolsets, cors, allowedHosts, limits, retention } = config.drawbridge;
  const projects = toProjects(config.drawbridge.projects, dirname(configPath), options.cwd);
  const secrets = [
    ...servers.secretValues,
    ...(environment.secret === undefined ? [] : [environment.secret]),
    ...[environment.databaseUrl, environment.redisUrl, environment.qdrantUrl].flatMap(passwordOf),
  ];
  return {
    ...environment,
    configPath,
    upstreams: servers.upstreams,
    toolsets,
    projects,
    defaultProject:
      DEFAULT_PROJECT in projects ? DEFAULT_PROJECT : (Object.keys(projects)[0] ?? ''),
    cors,
    allowedHosts,
    limits,
    retention,
    secretValues: [...new Set(secrets)].sort((a, b) => b.length - a.length),
  };
}

function toProjects(
  configured: DrawbridgeOptions['projects'],
  folder: string,
  cwd: string,
): Settings['projects'] {
  if (Object.keys(configured).length === 0) return { [DEFAULT_PROJECT]: { roots: [cwd] } };
  return Object.fromEntries(
    Object.entries(configured).map(([name, { roots }]) => [
      name,
      { roots: roots.map((root) => resolve(folder, root)) },
    ]),
  );
}

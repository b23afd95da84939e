// The checks of `drawbridge doctor` that read the settings and ask the bridge of the home, or find out
// why none could start.
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { toMessage } from '../errors.ts';
import { readText } from '../http-client/exchange.ts';
import { readEnvironment } from '../settings/environment.ts';
import { issuesOf } from '../settings/issues.ts';
import { loadSettingsInForce } from '../settings/in-force.ts';
import { findProjectCode } from '../settings/project-code.ts';
import type { Settings } from '../settings/settings.ts';
import type { Home } from '../settings/homes.ts';
import { type RunningBridge, readRunningBridge } from '../store/home-lock.ts';
import { createBridgeClient } from './bridge-client.ts';
import { readKey } from './commands/connect.ts';
import { type Check, type CheckContext, type Finding, fail, ok, warn } from './finding.ts';
import { findCommand } from './find-command.ts';

const PROBE_MS = 5_000;

/** What the bridge of the home says, or why none could start. */
export const bridgeChecks: readonly Check[] = [
  { name: 'settings', run: checkSettings },
  { name: 'bridge', run: checkBridge },
  { name: 'servers', run: checkServers },
];

function checkSettings(context: CheckContext): Promise<Finding[]> {
  try {
    const settings = load(context);
    const { configPath, upstreams, pending } = settings;
    const waiting =
      pending === undefined
        ? []
        : [warn('settings', pending.message, '`drawbridge allow` shows what it would change.')];
    const faulty = settings.issues.map(({ path, message }) => ({
      name: 'settings',
      state: 'fail' as const,
      detail: `${path}: ${message}`,
    }));
    const inRoots = findProjectCode(settings).map(({ message }) =>
      warn('settings', message, 'Keep commands and scripts where no tool can write.'),
    );
    const missing = Object.entries(settings.projects).flatMap(([project, { roots }]) =>
      roots
        .filter((root) => !existsSync(root))
        .map((root) =>
          warn(
            'settings',
            `the root ${root} of project ${project} does not exist`,
            `Make it, or fix drawbridge.projects in ${configPath}.`,
          ),
        ),
    );
    return Promise.resolve([
      ...(faulty.length > 0
        ? faulty
        : [ok('settings', `${configPath}, ${upstreams.length} servers`)]),
      ...waiting,
      ...inRoots,
      ...missing,
    ]);
  } catch (error) {
    const issues = issuesOf(error);
    if (issues.length === 0) throw error;
    return Promise.resolve(
      issues.map(({ path, message }) => ({
        name: 'settings',
        state: 'fail' as const,
        detail: `${path}: ${message}`,
      })),
    );
  }
}

async function checkBridge(context: CheckContext): Promise<Finding | Finding[]> {
  const { home, terminal, exchange } = context;
  const running = readTrustedBridge(home);
  if (running?.url === undefined) return checkPort(context);
  const { url, pid } = running;
  try {
    const answer = await exchange.send({
      url: `${url}/ready`,
      method: 'GET',
      headers: { Accept: 'application/json' },
      signal: AbortSignal.any([terminal.signal, AbortSignal.timeout(PROBE_MS)]),
    });
    const text = await readText(answer);
    if (answer.status === 200) return ok('bridge', `runs at ${url} (process ${pid}) and is ready`);
    return fail(
      'bridge',
      `runs at ${url} (process ${pid}) but is not ready: ${text.slice(0, 500)}`,
      '`drawbridge logs` or the terminal it was started in says more.',
    );
  } catch (error) {
    return fail(
      'bridge',
      `process ${pid} holds the home but does not answer at ${url}: ${toMessage(error)}`,
      `End it (kill ${pid}) and start it again.`,
    );
  }
}

async function checkPort({ terminal }: CheckContext): Promise<Finding> {
  const { host, port } = readEnvironment(terminal).environment;
  const issue = await new Promise<NodeJS.ErrnoException | undefined>((resolve) => {
    const server = createServer();
    server.on('error', resolve);
    server.listen(port, host, () => server.close(() => resolve(undefined)));
  });
  if (issue === undefined) return ok('bridge', `does not run; ${host}:${port} is free for it`);
  return fail(
    'bridge',
    `does not run, and ${host}:${port} cannot be used (${issue.code ?? issue.message})`,
    'End what listens there, or choose another port with DRAWBRIDGE_PORT or --port.',
  );
}

const troubles = new Set(['broken', 'degraded']);

async function checkServers(context: CheckContext): Promise<Finding[]> {
  const { home, terminal, exchange } = context;
  const running = readTrustedBridge(home);
  if (running?.url === undefined) return checkCommands(context);
  const token = await readKey(home.path, 'token');
  const client = createBridgeClient({ url: running.url, token, exchange, signal: terminal.signal });
  const servers = await client.servers();
  const findings = servers
    .filter(({ state }) => troubles.has(state))
    .map(({ name, state, lastError }) =>
      fail(
        'servers',
        `${name} is ${state}${lastError === undefined ? '' : `: ${lastError}`}`,
        `drawbridge logs ${name}; then drawbridge restart ${name}`,
      ),
    );
  return findings.length > 0 ? findings : [ok('servers', `${servers.length}, none in trouble`)];
}

/** Without a bridge: whether the commands of the settings exist at all. */
function checkCommands(context: CheckContext): Promise<Finding[]> {
  const settings = loadOrNothing(context);
  const missing = (settings?.upstreams ?? []).flatMap(({ name, transport, options }) =>
    options.enabled &&
    transport.kind === 'stdio' &&
    findCommand(transport.command, context.terminal.env) === undefined
      ? [
          fail(
            'servers',
            `${name}: the command ${transport.command} is not found`,
            'Install it, or write its whole path.',
          ),
        ]
      : [],
  );
  if (missing.length > 0) return Promise.resolve(missing);
  return Promise.resolve(
    settings === undefined
      ? []
      : [ok('servers', 'every command is found; they start with the first call')],
  );
}

function load({ terminal: { env, cwd }, home, config }: CheckContext): Settings {
  return loadSettingsInForce({ env, cwd, homeInUse: home, configPath: config }).settings;
}

/** Nothing of a home is asked that nobody knows who made. */
function readTrustedBridge({ path, trust }: Home): RunningBridge | undefined {
  return trust === 'foreign' ? undefined : readRunningBridge(path);
}

/** Issues of the settings have a check of their own. */
function loadOrNothing(context: CheckContext): Settings | undefined {
  try {
    return load(context);
  } catch (error) {
    if (issuesOf(error).length > 0) return undefined;
    throw error;
  }
}

// Starts the bridge as a process: settings, logger, bridge, banner, reload, signals. It ends when it
// is told to, or, when it was started for a client in passing, when nobody has asked for a while.
import { setFlagsFromString } from 'node:v8';
import packageJson from '../package.json' with { type: 'json' };
import { type Bridge, STOP_MS, createBridge } from './bridge.ts';
import { toMessage } from './errors.ts';
import { loadSecret } from './settings/home-secret.ts';
import { claimHome, findHome } from './settings/homes.ts';
import { loadSettingsInForce } from './settings/in-force.ts';
import { findProjectCode } from './settings/project-code.ts';
import type { Settings } from './settings/settings.ts';
import { keepCopy, watchSettings } from './settings/watch-settings.ts';
import { type LogLevel, createLogger } from './telemetry/logger.ts';

export interface RunBridgeOptions {
  readonly configPath?: string | undefined;
  readonly host?: string | undefined;
  readonly port?: string | number | undefined;
  readonly home?: string | undefined;
  readonly logLevel?: LogLevel | undefined;
  /** Takes the log instead of stdout, within a bounded size. */
  readonly logFile?: string | undefined;
  /** Seconds without a request after which the bridge ends by itself. */
  readonly detachedIdle?: number | undefined;
  /** Called once the bridge answers. */
  readonly onStart?: (bridge: Bridge) => void;
  /** Ends the bridge, also while it starts; the reason's message says who did. */
  readonly signal: AbortSignal;
}

/** For what is printed last. */
const LINGER_MS = 250;
/** What closing can't end is ended with the process. */
const PROCESS_ENDS_MS = STOP_MS + 500;

/** Resolves when the bridge has ended and everything is closed; the process ends soon after. */
export async function runBridge(options: RunBridgeOptions): Promise<void> {
  const { signal } = options;
  const onSignal = (): void => endProcessAfter(PROCESS_ENDS_MS);
  signal.addEventListener('abort', onSignal, { once: true });
  try {
    if (signal.aborted) onSignal();
    else await run(options);
  } catch (error) {
    // A start that was told to end has ended in order.
    if (!signal.aborted) throw error;
  } finally {
    signal.removeEventListener('abort', onSignal);
  }
  endProcessAfter(LINGER_MS);
}

/** A socket that nobody could close in time must not keep the process. */
function endProcessAfter(ms: number): void {
  setTimeout(() => process.exit(), ms).unref();
}

async function run(options: RunBridgeOptions): Promise<void> {
  // V8 lets the old generation grow fourfold before it collects; half as much again costs no CPU that
  // can be measured here, and a third of the memory under load.
  setFlagsFromString('--heap-growing-percent=50');
  const settingsOptions = { ...options, env: process.env, cwd: process.cwd() };
  const homeInUse = findHome(settingsOptions);
  claimHome(homeInUse, process.env);
  const inForce = loadSettingsInForce({ ...settingsOptions, homeInUse });
  let { settings } = inForce;
  const logger = await createLogger({
    secretValues: () => settings.secretValues,
    ...(options.logLevel !== undefined && { level: options.logLevel }),
    ...(options.logFile !== undefined && { file: options.logFile }),
  });
  keepCopy(inForce);
  const tell = ({ issues, pending }: Settings) => {
    if (pending !== undefined) logger.warn({ settings: pending.path }, pending.message);
    for (const { path, message } of issues) logger.error(`settings: ${path}: ${message}`);
    for (const { message } of findProjectCode(settings)) logger.warn(message);
  };
  tell(settings);
  const bridge = await createBridge({
    settings,
    secret: loadSecret(settings),
    version: packageJson.version,
    logger,
    isBackground: options.detachedIdle !== undefined,
    signal: options.signal,
  });
  const watch = watchSettings({
    ...settingsOptions,
    homeInUse,
    current: inForce,
    onChange(next) {
      settings = next;
      tell(next);
      bridge.configure(next).then(
        () => logger.info('the settings changed and were taken over'),
        (error: unknown) =>
          logger.error({ err: error }, 'changed settings could not be taken over'),
      );
    },
    onIssue: (error) => logger.error(`the old settings stay in force: ${toMessage(error)}`),
  });
  try {
    options.onStart?.(bridge);
    const reason = await untilEnd(bridge, options);
    logger.info(`ending: ${reason}`);
  } finally {
    await watch.close();
    await bridge
      .close(STOP_MS)
      .catch((error: unknown) => logger.error({ err: error }, 'not everything could be closed'));
  }
}

function untilEnd(
  bridge: Bridge,
  { detachedIdle, signal }: Pick<RunBridgeOptions, 'detachedIdle' | 'signal'>,
): Promise<string> {
  return new Promise((resolve) => {
    const end = (reason: string): void => {
      clearInterval(timer);
      resolve(reason);
    };
    const timer = setInterval(() => {
      if (detachedIdle !== undefined && bridge.idleMs() > detachedIdle * 1_000) {
        end('nobody asked for a while');
      }
    }, 1_000);
    const onSignal = (): void => end(toMessage(signal.reason));
    if (signal.aborted) onSignal();
    else signal.addEventListener('abort', onSignal, { once: true });
  });
}

// Starts the bridge as a process: settings, logger, bridge, banner, reload, signals. It ends when it
// is told to, or, when it was started for a client in passing, when nobody has asked for a while.
import { setFlagsFromString } from 'node:v8';
import packageJson from '../package.json' with { type: 'json' };
import { type Bridge, createBridge } from './bridge.ts';
import { toMessage } from './errors.ts';
import { loadSecret } from './settings/secrets.ts';
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
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Resolves when the bridge has ended and everything is closed. */
export async function runBridge(options: RunBridgeOptions = {}): Promise<void> {
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
  const tell = ({ faults, pending }: Settings) => {
    if (pending !== undefined) logger.warn({ settings: pending.path }, pending.message);
    for (const { path, message } of faults) logger.error(`settings: ${path}: ${message}`);
    for (const { message } of findProjectCode(settings)) logger.warn(message);
  };
  tell(settings);
  const bridge = await createBridge({
    settings,
    secret: loadSecret(settings),
    version: packageJson.version,
    logger,
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
    onFault: (error) => logger.error(`the old settings stay in force: ${toMessage(error)}`),
  });
  try {
    options.onStart?.(bridge);
    const reason = await untilEnd(bridge, options.detachedIdle);
    logger.info(`ending: ${reason}`);
  } finally {
    await watch.close();
    await bridge.close();
  }
}

function untilEnd(bridge: Bridge, detachedIdle: number | undefined): Promise<string> {
  return new Promise((resolve) => {
    const end = (reason: string): void => {
      clearInterval(timer);
      for (const signal of SIGNALS) process.off(signal, end);
      resolve(reason);
    };
    const timer = setInterval(() => {
      if (detachedIdle !== undefined && bridge.idleMs() > detachedIdle * 1_000) {
        end('nobody asked for a while');
      }
    }, 1_000);
    for (const signal of SIGNALS) process.once(signal, end);
  });
}

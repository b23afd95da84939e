// The upstreams of one bridge: hands each call to the right one, follows the settings, and owns what
// they share (the ledger of processes, the key that built-in servers trust).
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { spawn as nodeSpawn } from 'node:child_process';
import type { FetchLike } from '@modelcontextprotocol/client';
import type { Logger } from 'pino';
import packageJson from '../../package.json' with { type: 'json' };
import type { LargeJsonReader } from '../calls/large-json/large-json.ts';
import { DrawbridgeError, toMessage } from '../errors.ts';
import { toProtocolError } from './call-end.ts';
import type { EraMemory } from './era-memory.ts';
import { defaultTimeouts, type Timeouts } from './timeouts.ts';
import { createProcessLedger } from '../processes/process-ledger.ts';
import { SupervisedUpstream, type SupervisedDeps } from './supervised-upstream.ts';
import type { UpstreamEvent, Upstreams } from './upstream.ts';

export interface UpstreamsOptions {
  readonly logger: Logger;
  /** Drawbridge's own folder, told to built-in servers so that they never open it. */
  readonly home: string;
  /** Where servers without a `cwd` have their folders; by default in the home. */
  readonly serversFolder?: () => string;
  /** Absolute files and folders that no call of a project may write. */
  readonly readOnlyOf?: (project: string) => readonly string[];
  /** Names the server processes that run; `sweepOrphans` reads it at the next start. */
  readonly pidFile: string;
  readonly eras: EraMemory;
  /** Takes secrets out of text for people: what servers write, and what went wrong. */
  readonly redact?: (text: string) => string;
  readonly largeJson: LargeJsonReader;
  readonly clock?: () => number;
  readonly random?: () => number;
  readonly fetch?: FetchLike;
  readonly timeouts?: Partial<Timeouts>;
  readonly spawn?: typeof nodeSpawn;
}

/** A bridge that stops has little time for each step of its servers' end. */
const LAST_STOP_MS = 600;

export function createUpstreams({
  logger,
  home,
  serversFolder = () => join(home, 'servers'),
  readOnlyOf = () => [],
  pidFile,
  eras,
  redact = (text) => text,
  largeJson,
  clock = Date.now,
  random = Math.random,
  fetch = globalThis.fetch,
  timeouts = {},
  spawn,
}: UpstreamsOptions): Upstreams {
  const upstreams = new Map<string, SupervisedUpstream>();
  const listeners = new Set<(event: UpstreamEvent) => void>();
  const ledger = createProcessLedger({ pidFile, ...(spawn && { spawn }) });
  const allTimeouts = { ...defaultTimeouts, ...timeouts };
  let { stopMs } = allTimeouts;
  const deps: SupervisedDeps = {
    logger,
    home,
    serversFolder,
    readOnlyOf,
    eras,
    redact,
    largeJson,
    ledger,
    random,
    fetch,
    timeouts: allTimeouts,
    stopMs: () => stopMs,
    now: clock,
    version: packageJson.version,
    bridgeKey: randomBytes(32).toString('base64url'),
    ...(spawn && { spawn }),
    emit(event) {
      for (const listener of listeners) {
        try {
          listener(event);
        } catch (error) {
          logger.error(
            { event: event.kind, error: toMessage(error) },
            'an upstream listener failed',
          );
        }
      }
    },
  };
  let configuring = Promise.resolve();
  let closing: Promise<void> | undefined;

  const get = (name: string): SupervisedUpstream => {
    const upstream = upstreams.get(name);
    if (upstream !== undefined) return upstream;
    throw new DrawbridgeError('upstream/unknown', `there is no upstream "${name}"`);
  };

  const apply: Upstreams['configure'] = async (configs) => {
    if (closing !== undefined) return;
    const names = new Set(configs.map(({ name }) => name));
    const gone = [...upstreams].filter(([name]) => !names.has(name));
    for (const [name] of gone) upstreams.delete(name);
    await Promise.all([
      ...gone.map(([, upstream]) => upstream.close('it was removed from the settings')),
      ...configs.map(async (config) => {
        const upstream = upstreams.get(config.name);
        if (upstream === undefined)
          upstreams.set(config.name, new SupervisedUpstream(config, deps));
        else await upstream.update(config);
      }),
    ]);
  };

  return {
    configure(configs) {
      const applied = configuring.then(() => apply(configs));
      configuring = applied.catch(() => undefined);
      return applied;
    },
    async send(call) {
      const { upstream: name } = call.target;
      const upstream = upstreams.get(name);
      if (upstream !== undefined) return upstream.send(call);
      return toProtocolError('upstream/unavailable', `there is no upstream "${name}"`, {
        upstream: name,
      });
    },
    discover: async (name, signal) => get(name).discover(signal),
    status: () => [...upstreams.values()].map((upstream) => upstream.status()),
    restart: async (name) => get(name).restart(),
    logs: (name) => get(name).logs(),
    subscribe(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    close() {
      closing ??= (async () => {
        stopMs = Math.min(stopMs, LAST_STOP_MS);
        await Promise.all(
          [...upstreams.values()].map((one) => one.close('the bridge is stopping')),
        );
        await configuring;
        ledger.close();
      })();
      return closing;
    },
  };
}

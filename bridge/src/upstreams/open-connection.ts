// Opens one connection: starts the process or reaches the URL, finds out which era (and, without a
// `type`, which HTTP transport) the server speaks, and remembers it. Our stdio transport is probed in
// place, so a server that the probe breaks gets one fresh process and the legacy handshake.
import {
  Client,
  SdkError,
  SdkErrorCode,
  SdkHttpError,
  type FetchLike,
} from '@modelcontextprotocol/client';
import { getDefaultEnvironment } from '@modelcontextprotocol/client/stdio';
import { BRIDGE_KEY_ENV, HOME_ENV, SERVER_STATE_ENV } from '@drawbridge/schemas';
import type { spawn as nodeSpawn } from 'node:child_process';
import type { Logger } from 'pino';
import type { LargeJsonReader } from '../calls/large-json/large-json.ts';
import { DrawbridgeError, toMessage } from '../errors.ts';
import { toNetworkCode } from './call-end.ts';
import { Connection, type ConnectionEvents } from './connection.ts';
import type { EraMemory, RememberedEra, ServerEra } from './era-memory.ts';
import type { Timeouts } from './timeouts.ts';
import { RemoteTransport } from './http/remote-transport.ts';
import type { ProcessLedger } from '../processes/process-ledger.ts';
import { makeServerFolder, toStateFolder } from './stdio/server-folder.ts';
import { StdioTransport } from './stdio/stdio-transport.ts';
import { toTail } from './stdio/stderr-ring.ts';
import { CLOSED_BY_US, type ServerTransport } from './server-transport.ts';
import type { UpstreamConfig } from './upstream.ts';
import { untilAborted } from '../bounded-wait.ts';

export interface OpenDeps {
  readonly logger: Logger;
  readonly home: string;
  /** Where servers without a `cwd` have their folders. */
  readonly serversFolder: () => string;
  readonly bridgeKey: string;
  readonly readOnlyOf: (project: string) => readonly string[];
  readonly version: string;
  readonly eras: EraMemory;
  readonly redact: (text: string) => string;
  readonly ledger: ProcessLedger;
  readonly largeJson: LargeJsonReader;
  readonly timeouts: Timeouts;
  /** Before each harsher step when a process is stopped, in milliseconds. */
  readonly stopMs: () => number;
  readonly now: () => number;
  readonly fetch: FetchLike;
  readonly spawn?: typeof nodeSpawn;
}

export interface OpenOptions {
  readonly config: UpstreamConfig;
  readonly events: ConnectionEvents;
  readonly onStderr: (chunk: Buffer) => void;
  /** Closing the upstream gives the start up. */
  readonly signal: AbortSignal;
}

const LEGACY_VERDICT_MS = 7 * 24 * 3_600_000;
const STDERR_TAIL_BYTES = 2_048;
/** Answers to a POST that mean "no Streamable HTTP here" (specification, "Backwards Compatibility"). */
const NOT_STREAMABLE = new Set([400, 404, 405]);

type Verdict = Pick<RememberedEra, 'era' | 'transport'>;

/** @throws DrawbridgeError `upstream/start_failed` or `upstream/unavailable`, details `{ stderr }` */
export async function openConnection(options: OpenOptions, deps: OpenDeps): Promise<Connection> {
  const { config, signal } = options;
  const { startTimeout } = config.options;
  const giveUp = new AbortController();
  const deadline = setTimeout(
    () => giveUp.abort(new Error(`it did not answer within ${startTimeout / 1_000} s`)),
    startTimeout,
  );
  const onAbort = (): void => giveUp.abort(new Error('the start was given up'));
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  const context = { options, deps, giveUp: giveUp.signal };
  try {
    const remembered = await recall(config.fingerprint, deps);
    const { connection, verdict } =
      config.transport.kind === 'stdio'
        ? await openStdio(remembered?.era, context)
        : await openRemote(remembered, context);
    if (verdict.era !== remembered?.era || verdict.transport !== remembered.transport) {
      await remember(config, verdict, deps);
    }
    return connection;
  } finally {
    clearTimeout(deadline);
    signal.removeEventListener('abort', onAbort);
  }
}

interface OpenContext {
  readonly options: OpenOptions;
  readonly deps: OpenDeps;
  /** Aborts at the start timeout and when the upstream is closed; the reason says which. */
  readonly giveUp: AbortSignal;
}

interface Opened {
  readonly connection: Connection;
  readonly verdict: Verdict;
}

async function openStdio(remembered: ServerEra | undefined, context: OpenContext): Promise<Opened> {
  const first = createStdio(context);
  try {
    const { connection, verdict } = await attempt(first, 'stdio', remembered, context);
    // Its answer to the probe came after the probe was given up: not legacy, only slow to start.
    return { connection, verdict: first.answeredProbe ? { era: 'modern' } : verdict };
  } catch (error) {
    const isByItself = first.endedBecause !== CLOSED_BY_US;
    const isHopeless = remembered === 'modern' || (remembered === 'legacy' && isByItself);
    if (isHopeless || first.pid === undefined || context.giveUp.aborted) throw error;
  }
  // A server that was legacy and refuses `initialize` was upgraded; one that the probe broke is legacy.
  const era = first.answeredProbe || remembered === 'legacy' ? 'modern' : 'legacy';
  return attempt(createStdio(context), 'stdio', era, context);
}

async function openRemote(
  remembered: RememberedEra | undefined,
  context: OpenContext,
): Promise<Opened> {
  const { transport } = context.options.config;
  const open = async (kind: 'http' | 'sse'): Promise<Opened> => {
    // HTTP+SSE ended before the modern era began.
    const era = kind === 'sse' ? 'legacy' : remembered?.era;
    const { connection, verdict } = await attempt(createRemote(kind, context), kind, era, context);
    return { connection, verdict: { ...verdict, transport: kind } };
  };
  const kind = transport.kind === 'http-or-sse' ? remembered?.transport : transport.kind;
  if (kind === 'http' || kind === 'sse') return open(kind);
  try {
    return await open('http');
  } catch (error) {
    const cause = error instanceof DrawbridgeError ? error.cause : undefined;
    if (!(cause instanceof SdkHttpError) || !NOT_STREAMABLE.has(cause.data.status)) throw error;
    return open('sse');
  }
}

/** @param era undefined: probe for it */
async function attempt(
  transport: ServerTransport,
  kind: 'stdio' | 'http' | 'sse',
  era: ServerEra | undefined,
  { options: { config, events }, deps, giveUp }: OpenContext,
): Promise<Opened> {
  const { startTimeout } = config.options;
  // Silence is evidence of a legacy server only on stdio, and only while we know nothing.
  const isGuess = kind === 'stdio' && era === undefined;
  const timeoutMs = isGuess ? Math.min(deps.timeouts.probeMs, startTimeout / 2) : startTimeout;
  const clientInfo = { name: 'drawbridge', version: deps.version };
  const client = new Client(clientInfo, {
    capabilities: {},
    inputRequired: { autoFulfill: false },
    versionNegotiation: { mode: 'auto', probe: { timeoutMs } },
  });
  try {
    // A remembered modern server is probed all the same: the probe is `server/discover`, the one round
    // trip that brings a fresh answer, and it falls back by itself if the server was downgraded.
    const connecting = client.connect(transport, {
      timeout: startTimeout,
      ...(era === 'legacy' && { prior: { kind: 'legacy' } }),
    });
    // When the start is given up the connect fails too, after nobody waits for it any more.
    await untilAborted(connecting, giveUp);
    if (transport.endedBecause !== undefined) throw new Error(transport.endedBecause);
  } catch (error) {
    const why = transport.endedBecause;
    await transport.close();
    throw toStartError(error, giveUp.aborted ? undefined : why, {
      config,
      transport,
      isGivenUp: giveUp.aborted && error === giveUp.reason,
      redact: deps.redact,
    });
  }
  const connection = new Connection({
    upstream: config.name,
    client,
    clientInfo,
    transport,
    kind,
    events,
    logger: deps.logger,
    timeouts: deps.timeouts,
    ...(config.builtin && { identity: { key: deps.bridgeKey, readOnlyOf: deps.readOnlyOf } }),
  });
  return { connection, verdict: { era: connection.era } };
}

function createStdio({ options: { config, onStderr }, deps }: OpenContext): StdioTransport {
  const { transport, name, builtin, options } = config;
  if (transport.kind !== 'stdio') throw new TypeError(`${name} is not a stdio server`);
  return new StdioTransport({
    name,
    spec: {
      command: transport.command,
      args: transport.args,
      cwd:
        transport.cwd ?? makeServerFolder(name, { folder: deps.serversFolder(), home: deps.home }),
      env: {
        ...getDefaultEnvironment(),
        ...transport.env,
        ...(builtin && {
          [BRIDGE_KEY_ENV]: deps.bridgeKey,
          [HOME_ENV]: deps.home,
          [SERVER_STATE_ENV]: toStateFolder(name, deps.serversFolder()),
        }),
      },
    },
    maxMessageBytes: options.maxMessageBytes,
    largeJson: deps.largeJson,
    ledger: deps.ledger,
    redact: deps.redact,
    stopMs: deps.stopMs,
    logger: deps.logger,
    onStderr,
    ...(deps.spawn !== undefined && { spawn: deps.spawn }),
  });
}

function createRemote(
  kind: 'http' | 'sse',
  { options: { config }, deps }: OpenContext,
): RemoteTransport {
  const { transport, name, options } = config;
  if (transport.kind === 'stdio') throw new TypeError(`${name} is a stdio server`);
  return new RemoteTransport({
    kind,
    name,
    url: transport.url,
    headers: transport.headers,
    maxMessageBytes: options.maxMessageBytes,
    fetch: deps.fetch,
    largeJson: deps.largeJson,
  });
}

interface FailedStart {
  readonly config: UpstreamConfig;
  readonly transport: ServerTransport;
  /** The error is our own reason to wait no longer. */
  readonly isGivenUp: boolean;
  readonly redact: (text: string) => string;
}

/** How a process ended, which tells nothing of what it is. */
const PLAIN_END = /^(?:exit code \d+|signal [A-Z0-9]+)$/;

function toStartError(
  error: unknown,
  endedBecause: string | undefined,
  { config: { name }, transport, isGivenUp, redact }: FailedStart,
): DrawbridgeError {
  if (transport instanceof StdioTransport) {
    const stderr = toTail(transport.stderr.lines(), STDERR_TAIL_BYTES);
    const isByItself = endedBecause !== undefined && endedBecause !== CLOSED_BY_US;
    const why = isByItself ? `it stopped (${endedBecause})` : toMessage(error);
    const last = stderr === '' ? '' : `; it last wrote: ${stderr.split('\n').at(-1)}`;
    const isPlain = isByItself ? PLAIN_END.test(endedBecause) : isGivenUp;
    return new DrawbridgeError(
      'upstream/start_failed',
      redact(`upstream "${name}" could not be started: ${why}${last}`),
      {
        cause: error,
        details: {
          stderr,
          told: `upstream "${name}" could not be started${isPlain ? `: ${why}` : ''}`,
        },
      },
    );
  }
  const status = error instanceof SdkHttpError ? toStatusText(error.data.status) : undefined;
  const network = toNetworkCode(error);
  const why =
    status ??
    (isGivenUp || isTimeout(error) ? toMessage(error) : undefined) ??
    (network === undefined ? undefined : `the network failed (${network})`);
  return new DrawbridgeError(
    'upstream/unavailable',
    redact(`upstream "${name}" could not be reached: ${why ?? toMessage(error)}`),
    {
      cause: error,
      details: {
        told: `upstream "${name}" could not be reached${why === undefined ? '' : `: ${why}`}`,
      },
    },
  );
}

function isTimeout(error: unknown): boolean {
  return error instanceof SdkError && error.code === SdkErrorCode.RequestTimeout;
}

function toStatusText(status: number): string {
  return status === 401 || status === 403
    ? `it refused the bridge's credentials (HTTP ${status}); check its headers in the settings`
    : `it answered HTTP ${status}`;
}

async function remember(
  { fingerprint, name }: UpstreamConfig,
  verdict: Verdict,
  { eras, now, logger }: OpenDeps,
): Promise<void> {
  try {
    await eras.set(fingerprint, { ...verdict, at: new Date(now()).toISOString() });
  } catch (error) {
    logger.warn({ upstream: name, error: toMessage(error) }, 'could not remember the era');
  }
}

async function recall(
  fingerprint: string,
  { eras, now, logger }: OpenDeps,
): Promise<RememberedEra | undefined> {
  let remembered: RememberedEra | undefined;
  try {
    remembered = await eras.get(fingerprint);
  } catch (error) {
    logger.warn({ error: toMessage(error) }, 'could not recall an era');
  }
  // Also one from the future, as after a clock that was set back: it would never grow old.
  const isStale =
    remembered?.era === 'legacy' && Math.abs(now() - Date.parse(remembered.at)) > LEGACY_VERDICT_MS;
  return isStale ? undefined : remembered;
}

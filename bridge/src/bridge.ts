// Puts the parts of one bridge together, in the order in which they need each other, and takes them
// apart in reverse. It decides nothing: what a part does is in the part.
import { join } from 'node:path';
import { loadDefinition } from '@drawbridge/registry';
import type { Logger } from 'pino';
import { createCallPath } from './call-path.ts';
import { toStopReason } from './calls/call-gate.ts';
import { createLargeJsonReader } from './calls/large-json/reader.ts';
import { createHeldBytes } from './flow/held-bytes.ts';
import { spawnWorker } from './calls/large-json/spawn-worker.ts';
import { createWorkerQueue } from './calls/large-json/worker-queue.ts';
import { createCatalogEvents } from './catalog-events.ts';
import { createApprovals } from './catalog/approvals.ts';
import { createCatalog } from './catalog/catalog.ts';
import { createDiscovery } from './catalog/discovery.ts';
import { createSavedListings } from './catalog/saved-listings.ts';
import { redactListing } from './catalog/redact-listing.ts';
import { toMessage } from './errors.ts';
import { createHttpFront } from './http.ts';
import { type Listener, listen } from './edge/listen.ts';
import { createIdSource } from './ids.ts';
import { createLatestOnly } from './flow/latest-only.ts';
import { type Lifetime, withLifetime } from './lifetime.ts';
import { createLoopTurns } from './flow/loop-turns.ts';
import { type HomeKeys, ensureHomeKeys } from './principals/key-files.ts';
import { createPrincipals } from './principals/principals.ts';
import { createRedact, createRedactValues } from './secrets/redaction.ts';
import { redactText } from './secrets/redact-value.ts';
import { createBridgeRun } from './runs/bridge-run.ts';
import { createRuns } from './runs/runs.ts';
import { createSessions } from './sessions/sessions.ts';
import type { Settings } from './settings/settings.ts';
import { lockHome } from './store/home-lock.ts';
import { createIdempotencyKeys } from './store/idempotency-keys.ts';
import { createEraStore } from './store/era-store.ts';
import { createKeyStore } from './store/key-store.ts';
import { createListingStore } from './store/listing-store.ts';
import { createSessionStore } from './store/session-store.ts';
import { openStore } from './store/store.ts';
import { createMetrics } from './telemetry/metrics.ts';
import { watchOpenFiles } from './telemetry/open-files.ts';
import { sweepOrphans } from './processes/process-ledger.ts';
import type { UpstreamConfig, UpstreamStatus } from './upstreams/upstream.ts';
import { createUpstreams } from './upstreams/upstreams.ts';

export interface BridgeOptions {
  readonly settings: Settings;
  readonly secret: string;
  readonly version: string;
  readonly logger: Logger;
  /** Started for a client in passing: it gives way to one that a person starts. */
  readonly isBackground?: boolean;
  /** Ends the start. */
  readonly signal?: AbortSignal;
}

export interface Bridge {
  readonly url: string;
  readonly keys: HomeKeys;
  servers(): readonly UpstreamStatus[];
  /** Takes over changed settings: only what changed is touched. */
  configure(settings: Settings): Promise<void>;
  /** Milliseconds since anybody asked for anything. */
  idleMs(): number;
  /**
   * Refuses new calls, lets those under way end, and answers everybody; rejects with an AggregateError of
   * what could not be closed, or not within this time in milliseconds.
   */
  close(withinMs?: number): Promise<void>;
}

/** How long calls under way have to end when the bridge stops, in milliseconds. */
const GRACE_MS = 3_000;
/** How long those that were aborted then have to be written down and answered. */
const LAST_MS = 1_000;
/** The answers that are still on their way. */
const ANSWERS_MS = 300;
/** Everything together, the database included, when the process is told to end: containers have 10 s. */
export const STOP_MS = 7_000;
/** What the store keeps of that, whatever the others need. */
const STORE_STOP_MS = 2_000;

const HOUR_MS = 3_600_000;

/** Starts everything; when a part fails to start, those before it are closed again. */
export function createBridge(options: BridgeOptions): Promise<Bridge> {
  return withLifetime((lifetime) => open(options, lifetime), STOP_MS);
}

async function open(
  { settings: initial, secret, version, logger, isBackground = false, signal }: BridgeOptions,
  lifetime: Lifetime,
): Promise<Bridge> {
  let settings = initial;
  const { home } = settings;
  const createId = createIdSource();
  const bridgeId = createId();

  signal?.throwIfAborted();
  const lock = await lockHome(home, { isBackground });
  lifetime.defer(() => lock.release());
  let listener: Listener | undefined;
  lifetime.defer(() => listener?.close());
  const pidFile = join(home, 'servers.pids');
  await sweepOrphans(pidFile);

  const redact = createRedact({ literals: () => settings.secretValues });
  const hideValues = createRedactValues({ literals: () => settings.secretValues });

  const store = await openStore({
    home,
    logger,
    version,
    ...(settings.databaseUrl !== undefined && { databaseUrl: settings.databaseUrl }),
    ...(signal !== undefined && { signal }),
  });
  lifetime.defer((leftMs) => store.close(leftMs), STORE_STOP_MS);
  signal?.throwIfAborted();

  const openFiles = watchOpenFiles(logger);
  lifetime.defer(openFiles.close);
  const held = createHeldBytes();
  const workers = createWorkerQueue({
    spawn: spawnWorker,
    literals: () => settings.secretValues,
    logger,
  });
  lifetime.defer(() => workers.close());
  const largeJson = createLargeJsonReader({ queue: workers, held, logger });

  const metrics = createMetrics();
  lifetime.defer(() => metrics.close());
  const principals = await createPrincipals({
    store: createKeyStore(store.db),
    createId,
    listen: store.listen,
    logger,
  });
  lifetime.defer(principals.close);
  const { tenantId } = principals;
  const keys = await ensureHomeKeys(home, principals);

  const runs = await createRuns({
    store,
    bridgeId,
    version,
    logger,
    redact,
    retention: () => settings.retention,
    prepare: largeJson.log,
    held,
    onCommit: metrics.commit,
  });
  lifetime.defer((leftMs) => runs.close(leftMs));
  signal?.throwIfAborted();

  const upstreams = createUpstreams({
    logger,
    home,
    serversFolder: () => settings.serversFolder,
    readOnlyOf: (project) => settings.readOnly[project] ?? [],
    pidFile,
    eras: createEraStore(store.db),
    largeJson,
    redact: (text) => redactText(redact, text),
  });
  lifetime.defer(() => upstreams.close());
  lifetime.defer(
    upstreams.subscribe((event) => {
      if (event.kind === 'state') metrics.upstreams(upstreams.status());
    }),
  );

  const catalog = createCatalog();
  const bridgeRun = await createBridgeRun({
    log: runs.log,
    logger,
    run: {
      tenantId,
      createdBy: tenantId,
      project: settings.defaultProject,
      title: `Drawbridge ${version}`,
    },
  });
  lifetime.defer(bridgeRun.close);
  runs.onRenewal(() => {
    bridgeRun
      .renew()
      .catch((error: unknown) => logger.error({ err: error }, "the bridge's run was not renewed"));
  });
  const listings = createSavedListings(createListingStore({ db: store.db, tenantId, createId }));
  const catalogEvents = createCatalogEvents(bridgeRun, logger);
  const discovery = createDiscovery({
    catalog,
    upstreams,
    store: listings,
    shipped: toShippedListing,
    redactListing: (name, listing) =>
      redactListing(listing, hideValues, (entry) =>
        logger.warn({ server: name, ...entry }, 'what names a secret is not offered'),
      ),
    logger,
    onChange: catalogEvents.onChange,
  });
  lifetime.defer(discovery.close);
  const approvals = createApprovals({
    catalog,
    store: listings,
    config: (name) => settings.upstreams.find((config) => config.name === name),
    onAllow: catalogEvents.onAllow,
  });

  const turn = createLoopTurns();
  const { call, gate } = createCallPath({
    settings: () => settings,
    catalog,
    log: runs.log,
    redact,
    send: upstreams.send,
    metrics,
    turn,
    logger,
  });

  const sessions = createSessions({
    store: createSessionStore(store.db),
    logger,
    secret,
    redact,
    async openRun(principal, client) {
      const run = await runs.log.open({
        tenantId: principal.tenantId,
        createdBy: principal.id,
        project: settings.defaultProject,
        kind: 'session',
        title: client.name ?? 'a client',
        ...(client.name !== undefined && { client: client.name }),
      });
      return run.id;
    },
    endRun: runs.endSession,
  });
  const idempotencyKeys = createIdempotencyKeys(store.db, redact);
  const hourly = setInterval(() => {
    Promise.all([sessions.expire(), idempotencyKeys.expire()]).catch((error: unknown) =>
      logger.warn({ err: error }, `what is old could not be expired: ${toMessage(error)}`),
    );
  }, HOUR_MS);
  lifetime.defer(() => clearInterval(hourly));

  const configure = createLatestOnly<Settings>(async (next) => {
    settings = next;
    await catalog.configure({ upstreams: next.upstreams, toolsets: next.toolsets });
    await upstreams.configure(next.upstreams);
    await discovery.configure(next.upstreams);
    metrics.upstreams(upstreams.status());
  });
  await configure(settings);

  const front = createHttpFront({
    settings: () => settings,
    secret,
    version,
    logger,
    metrics,
    catalog,
    approvals,
    call,
    turn,
    isStopping: gate.isClosed,
    ready: discovery.ready,
    createId,
    largeJson,
    principals,
    sessions,
    idempotencyKeys,
    upstreams,
    runs,
    async audit(event) {
      await bridgeRun.append(event);
    },
    checks: [
      {
        name: 'postgres',
        async check() {
          const { ok, detail } = await store.health();
          if (!ok) throw new Error(detail);
          return detail;
        },
      },
      {
        name: 'log',
        async check() {
          await runs.log.check();
          return 'it can be written';
        },
      },
      { name: 'files', check: openFiles.check },
    ],
  });
  signal?.throwIfAborted();
  const door = await listen({ host: settings.host, port: settings.port, edge: front.edge });
  listener = door;
  lifetime.defer(async () => {
    const graceEnd = performance.now() + GRACE_MS;
    door.noReuse();
    const abort = (): void => principals.endAll(toStopReason());
    await gate.close({ graceMs: GRACE_MS, lastMs: LAST_MS, abort });
    await door.drain(Math.max(ANSWERS_MS, graceEnd - performance.now()));
    await front.close();
  });
  lock.announce({ url: door.url });

  return {
    url: door.url,
    keys,
    servers: upstreams.status,
    configure,
    idleMs: door.idleMs,
    close: lifetime.close,
  };
}

function toShippedListing({ shipped }: UpstreamConfig) {
  return shipped === undefined ? undefined : loadDefinition(shipped);
}

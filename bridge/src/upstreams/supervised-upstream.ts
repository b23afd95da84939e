// Supervises one upstream: starts it when a call needs it, restarts it with back-off behind a breaker,
// decides which calls are repeated after a lost connection, and tells its status. Whatever happens here,
// no other upstream notices.
import { setTimeout as delay } from 'node:timers/promises';
import type { Outcome, RoutedCall, SendableCall } from '../calls/call.ts';
import { DrawbridgeError, toMessage } from '../errors.ts';
import {
  admitStart,
  afterFailure,
  afterStartBegan,
  afterStarted,
  closedBreaker,
  toBreakerState,
  type Breaker,
} from './breaker.ts';
import type { Connection } from './connection.ts';
import {
  type FailedUpstream,
  toFailedTwice,
  toLate,
  toOutcomeUnknown,
  toTimeout,
  toTold,
  toUnavailable,
} from './failure-outcomes.ts';
import { InstancePool } from './instance-pool.ts';
import { ListRefresh } from './list-refresh.ts';
import { openConnection, type OpenDeps } from './open-connection.ts';
import { StderrRing } from './stdio/stderr-ring.ts';
import type {
  ServerListing,
  UpstreamConfig,
  UpstreamEvent,
  UpstreamState,
  UpstreamStatus,
} from './upstream.ts';

export interface SupervisedDeps extends OpenDeps {
  readonly random: () => number;
  readonly emit: (event: UpstreamEvent) => void;
}

/** How long calls under way may go on at a server whose settings changed. */
const CHANGE_GRACE_MS = 3_000;

export class SupervisedUpstream {
  #config: UpstreamConfig;
  readonly #deps: SupervisedDeps;
  readonly #pool: InstancePool;
  readonly #stderr: StderrRing;
  #breaker: Breaker = closedBreaker;
  #state: UpstreamState = 'stopped';
  #closed = false;
  #suspected = false;
  #restarts = 0;
  #endedByIssue = false;
  #discovering = 0;
  readonly #refresh = new ListRefresh({
    isWanted: () => !this.#closed && this.#pool.connections.length > 0,
    ask: () => this.#askAgain(),
  });
  #seen: Partial<
    Pick<UpstreamStatus, 'era' | 'serverInfo' | 'transport' | 'lastError' | 'lastIssue'>
  > = {};
  #lastHealthyAt: number | undefined;

  constructor(config: UpstreamConfig, deps: SupervisedDeps) {
    this.#config = config;
    this.#deps = deps;
    this.#stderr = new StderrRing(deps.redact);
    this.#pool = new InstancePool({
      upstream: config.name,
      open: (signal) => this.#open(signal),
      idleMs: () => this.#config.options.idle,
      onChange: () => this.#announce(),
      isShared: () => this.#config.options.instance === 'shared',
    });
    this.#announce();
  }

  /** Takes new settings; what runs is stopped only if they change what it is. */
  async update(config: UpstreamConfig): Promise<void> {
    const before = this.#config;
    this.#config = config;
    if (toIdentity(before) === toIdentity(config)) return;
    this.#breaker = closedBreaker;
    this.#seen = {};
    await this.#pool.closeAll('its settings changed', CHANGE_GRACE_MS);
    this.#announce();
  }

  async send(call: SendableCall): Promise<Outcome> {
    const { effect } = call.target;
    const isRepeatable = effect === 'read' || effect === 'idempotent';
    for (let attempt = 1; ; attempt += 1) {
      if (call.signal.aborted) return { kind: 'cancelled' };
      const config = this.#config;
      let lease;
      try {
        this.#assertUsable();
        lease = await this.#pool.acquire(this.#toKey(call), call.signal);
      } catch (error) {
        // The start was given up because the settings changed: with the new ones it is another try.
        if (config !== this.#config && attempt === 1 && !call.signal.aborted) continue;
        return call.signal.aborted
          ? { kind: 'cancelled' }
          : toUnavailable(error, call.principal.role, this.#toFailed());
      }
      const { timeout, concurrentCalls: limit } = this.#config.options;
      const { signal, principal } = call;
      const { turns } = lease.connection;
      let leftMs = Math.max(1, timeout - (call.waitedMs ?? 0));
      if (!turns.begin(principal.id, limit)) {
        const since = performance.now();
        const waited = await turns.wait(principal.id, limit, { signal, timeoutMs: leftMs });
        if (waited !== 'begun') {
          lease.release();
          return waited === 'cancelled' ? { kind: waited } : toLate(timeout, this.#config.name);
        }
        leftMs = Math.max(1, leftMs - (performance.now() - since));
      }
      call.record?.markSent();
      const end = await lease.connection.call(call, leftMs);
      turns.end(principal.id);
      lease.release();
      switch (end.kind) {
        case 'done':
          if (end.outcome.kind !== 'cancelled') this.#noteAnswer();
          return end.outcome;
        case 'timed_out':
          this.#suspect(lease.connection);
          return toTimeout(timeout, this.#config.name);
        case 'lost':
          if (attempt === 1 && (isRepeatable || !end.sent)) break;
          return end.sent && !isRepeatable
            ? toOutcomeUnknown(end.why, this.#toFailed())
            : toFailedTwice(end.why, this.#toFailed());
      }
    }
  }

  /** @throws DrawbridgeError */
  async discover(signal?: AbortSignal): Promise<ServerListing> {
    this.#assertUsable();
    const { name, options, fingerprint } = this.#config;
    this.#discovering += 1;
    try {
      const lease = await this.#pool.acquire(undefined, signal);
      try {
        const listing = await lease.connection.offer(options.timeout, signal);
        this.#lastHealthyAt = this.#deps.now();
        this.#deps.emit({ kind: 'offer', name, fingerprint, listing });
        return listing;
      } finally {
        lease.release();
      }
    } catch (error) {
      if (error instanceof DrawbridgeError) throw error;
      const message = `upstream "${name}" could not say what it offers: ${toMessage(error)}`;
      throw new DrawbridgeError('upstream/unavailable', message, { cause: error });
    } finally {
      this.#discovering -= 1;
    }
  }

  async restart(): Promise<void> {
    this.#assertUsable();
    await this.#pool.closeAll('the operator restarted it');
    this.#breaker = closedBreaker;
    this.#restarts += 1;
    await this.discover();
  }

  /** @param why names the reason in the messages of calls that are under way */
  async close(why: string): Promise<void> {
    this.#closed = true;
    this.#refresh.close();
    await this.#pool.closeAll(why);
    this.#announce();
  }

  logs(): readonly string[] {
    return this.#stderr.lines();
  }

  status(): UpstreamStatus {
    const { name, builtin, transport } = this.#config;
    const retryAt = this.#retryAt();
    return {
      name,
      state: this.#toState(),
      builtin,
      pids: this.#pool.connections.flatMap(({ pid }) => pid ?? []),
      restarts: this.#restarts,
      inFlight: this.#pool.leases,
      transport: transport.kind === 'http-or-sse' ? 'http' : transport.kind,
      ...this.#seen,
      ...(this.#config.issue !== undefined && {
        lastError: this.#config.issue,
        lastIssue: 'its settings are faulty',
      }),
      ...(retryAt !== undefined && { retryAt: new Date(retryAt).toISOString() }),
      ...(this.#lastHealthyAt !== undefined && {
        lastHealthyAt: new Date(this.#lastHealthyAt).toISOString(),
      }),
    };
  }

  async #open(signal: AbortSignal): Promise<Connection> {
    const admission = admitStart(this.#breaker, performance.now());
    if (admission.kind === 'wait') await delay(admission.ms, undefined, { signal });
    if (admission.kind === 'refuse') {
      const { name } = this.#config;
      const why = this.#seen.lastError ?? 'it failed several times in a row';
      const told = `upstream "${name}" is down: ${this.#seen.lastIssue ?? 'it failed several times in a row'}`;
      throw new DrawbridgeError('upstream/unavailable', `upstream "${name}" is down: ${why}`, {
        details: { told },
      });
    }
    this.#breaker = afterStartBegan(this.#breaker, performance.now());
    if (this.#endedByIssue) this.#restarts += 1;
    this.#endedByIssue = false;
    const isFirst = this.#pool.connections.length === 0;
    const startedAt = performance.now();
    let connection: Connection | undefined;
    try {
      connection = await openConnection(
        {
          config: this.#config,
          signal,
          onStderr: (chunk) => this.#stderr.push(chunk),
          events: {
            onListChanged: () => this.#refresh.request(),
            onResourceUpdated: (uri) =>
              this.#deps.emit({ kind: 'resource_updated', name: this.#config.name, uri }),
            onHealth: (healthy) => this.#noteHealth(healthy),
            onEnd: (end) => this.#noteEnd(connection, end),
          },
        },
        this.#deps,
      );
    } catch (error) {
      if (!signal.aborted) this.#noteFailure(toMessage(error), toTold(error, this.#config.name));
      throw error;
    }
    this.#breaker = afterStarted(this.#breaker);
    const { era, kind, serverInfo, pid } = connection;
    const { redact } = this.#deps;
    this.#seen = {
      ...this.#seen,
      era,
      transport: kind,
      ...(serverInfo && {
        serverInfo: { name: redact(serverInfo.name), version: redact(serverInfo.version) },
      }),
    };
    this.#deps.logger.info(
      { upstream: this.#config.name, era, transport: kind, pid, ms: performance.now() - startedAt },
      'upstream started',
    );
    // The server may have been upgraded while it was down.
    if (isFirst && this.#discovering === 0) this.#refresh.request();
    return connection;
  }

  #noteEnd(connection: Connection | undefined, end: { why: string; issue: boolean }): void {
    const { name } = this.#config;
    if (end.issue) this.#endedByIssue = true;
    this.#suspected = false;
    this.#deps.logger[end.issue ? 'warn' : 'info'](
      { upstream: name, why: end.why },
      'upstream ended',
    );
    if (end.issue) this.#noteFailure(`it stopped: ${end.why}`, `upstream "${name}" stopped`);
    if (connection !== undefined) this.#pool.forget(connection);
  }

  #noteFailure(why: string, told: string): void {
    this.#breaker = afterFailure(this.#breaker, performance.now(), this.#deps.random());
    this.#seen = { ...this.#seen, lastError: this.#deps.redact(why), lastIssue: told };
    this.#announce();
  }

  #noteAnswer(): void {
    this.#lastHealthyAt = this.#deps.now();
    if (this.#breaker.failures > 0) this.#breaker = closedBreaker;
  }

  #noteHealth(healthy: boolean): void {
    this.#suspected = !healthy;
    if (healthy) this.#lastHealthyAt = this.#deps.now();
    this.#announce();
  }

  #suspect(connection: Connection): void {
    if (connection.ended) return;
    this.#suspected = true;
    this.#announce();
    void connection.check();
  }

  async #askAgain(): Promise<void> {
    try {
      await this.discover();
    } catch (error) {
      this.#deps.logger.warn(
        { upstream: this.#config.name, error: toMessage(error) },
        'could not ask again what the server offers',
      );
    }
  }

  /** Leases never cross tenants; within one, the settings say who shares. */
  #toKey(call: RoutedCall): string {
    const { tenantId, id } = call.principal;
    switch (this.#config.options.instance) {
      case 'shared':
        return JSON.stringify([tenantId]);
      case 'session':
        return JSON.stringify([tenantId, 'session', call.sessionId ?? call.runId]);
      case 'principal':
        return JSON.stringify([tenantId, 'principal', id]);
    }
  }

  #toState(): UpstreamState {
    if (!this.#config.options.enabled) return 'disabled';
    if (this.#closed) return 'stopped';
    if (this.#pool.connections.length > 0) return this.#suspected ? 'degraded' : 'ready';
    if (this.#pool.isOpening) return 'starting';
    if (toBreakerState(this.#breaker, performance.now()) !== 'closed') return 'broken';
    return this.#breaker.failures > 0 ? 'degraded' : 'stopped';
  }

  #announce(): void {
    const state = this.#toState();
    if (state === this.#state) return;
    this.#state = state;
    this.#deps.emit({ kind: 'state', name: this.#config.name, status: this.status() });
  }

  /** Epoch milliseconds, for people; what waits goes by the breaker's own clock. */
  #retryAt(): number | undefined {
    const waitMs = this.#breaker.retryAt - performance.now();
    return waitMs > 0 ? Math.round(this.#deps.now() + waitMs) : undefined;
  }

  #assertUsable(): void {
    const { name, options } = this.#config;
    const why = this.#closed
      ? 'is stopped'
      : options.enabled
        ? undefined
        : 'is disabled in the settings';
    if (why !== undefined) {
      const told = `upstream "${name}" ${why}`;
      throw new DrawbridgeError('upstream/unavailable', told, { details: { told } });
    }
  }

  #toFailed(): FailedUpstream {
    return { name: this.#config.name, retryAt: this.#retryAt() };
  }
}

/** What cannot change under a running server. */
function toIdentity({ transport, builtin, fingerprint, options }: UpstreamConfig): string {
  const { enabled, instance, maxMessageBytes } = options;
  return JSON.stringify([transport, builtin, fingerprint, enabled, instance, maxMessageBytes]);
}

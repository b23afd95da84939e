// What the HTTP app hands to its routes: the variables of a request, and the parts of the bridge.
import type { IncomingMessage } from 'node:http';
import type { Logger } from 'pino';
import type { Call } from '../../calls/call.ts';
import type { Principal } from '../../principals/caller.ts';
import type { LargeJsonReader } from '../../calls/large-json/large-json.ts';
import type { Handler } from '../../calls/step.ts';
import type { Approvals } from '../../catalog/approvals.ts';
import type { PacedResponse } from '../paced-response.ts';
import type { Catalog } from '../../catalog/catalog.ts';
import type { Principals } from '../../principals/principals.ts';
import type { StreamRuns } from '../../runs/stream-runs.ts';
import type { LoopTurns } from '../../flow/loop-turns.ts';
import type { LiveRuns } from '../../runs/live.ts';
import type { RunReader } from '../../runs/reader.ts';
import type { Retention } from '../../runs/retention.ts';
import type { LogEvent } from '../../runs/event-text.ts';
import type { RunLog } from '../../runs/run-log.ts';
import type { Sessions } from '../../sessions/sessions.ts';
import type { IdempotencyKeys } from '../../store/idempotency-keys.ts';
import type { Settings } from '../../settings/settings.ts';
import type { Precomputed } from './precomputed.ts';
import type { Metrics } from '../../telemetry/metrics.ts';
import type { Upstreams } from '../../upstreams/upstream.ts';

export interface HttpEnv {
  /** As @hono/node-server gives them; absent in tests without a socket. */
  Bindings: {
    incoming?: IncomingMessage;
    outgoing?: PacedResponse;
    precomputed?: Precomputed | undefined;
  };
  Variables: {
    requestId: string;
    principal: Principal;
    /** Aborts when the principal's key is no longer good, or the bridge stops, with the reason. */
    keyEnded: AbortSignal;
  };
}

export interface HealthCheck {
  readonly name: string;
  /** Resolves when the dependency answers; rejects with the reason otherwise. */
  readonly check: () => Promise<string>;
}

export type AuthEvent = Extract<LogEvent, { type: `auth.${string}` }>;

export interface HttpDeps {
  readonly settings: () => Settings;
  readonly secret: string;
  readonly version: string;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly catalog: Catalog;
  readonly approvals: Approvals;
  readonly call: Handler<Call>;
  readonly turn: LoopTurns;
  /** Whether the bridge stops; then every request is refused. */
  readonly isStopping: () => boolean;
  readonly ready: () => Promise<void>;
  readonly createId: () => string;
  readonly largeJson: LargeJsonReader;
  readonly principals: Principals;
  readonly sessions: Sessions;
  readonly idempotencyKeys: IdempotencyKeys;
  readonly upstreams: Upstreams;
  readonly runs: {
    readonly log: RunLog;
    readonly reader: RunReader;
    readonly live: LiveRuns;
    readonly streamRuns: StreamRuns;
    readonly retention: Pick<Retention, 'plan' | 'run'>;
    readonly bridgeId: () => string;
  };
  readonly checks: readonly HealthCheck[];
  /** Records a security event in the bridge's own run. */
  readonly audit: (event: AuthEvent) => Promise<void>;
}

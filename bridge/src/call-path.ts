// The way of a call through the bridge: the steps of the pipeline with what each needs, the gate that a
// stop closes, and the turn of the event loop in which the answer leaves.
import type { Logger } from 'pino';
import { createAdmitStep } from './calls/admit.ts';
import type { Call } from './calls/call.ts';
import { type CallGate, createCallGate } from './calls/call-gate.ts';
import { createPipeline } from './calls/pipeline.ts';
import { createRecordStep } from './calls/record.ts';
import { createRouteStep } from './calls/route.ts';
import type { Handler } from './calls/step.ts';
import { createWriteAheadStep } from './calls/write-ahead.ts';
import type { Catalog } from './catalog/catalog.ts';
import type { LoopTurns } from './flow/loop-turns.ts';
import type { RunLog } from './runs/run-log.ts';
import type { Redact } from './secrets/redaction.ts';
import type { Settings } from './settings/settings.ts';
import type { Metrics } from './telemetry/metrics.ts';
import type { Upstreams } from './upstreams/upstream.ts';

export interface CallPathOptions {
  readonly settings: () => Settings;
  readonly catalog: Pick<Catalog, 'find' | 'changing'>;
  readonly log: RunLog;
  readonly redact: Redact;
  readonly send: Upstreams['send'];
  readonly metrics: Pick<Metrics, 'call'>;
  readonly turn: LoopTurns;
  readonly logger: Logger;
}

export interface CallPath {
  readonly call: Handler<Call>;
  readonly gate: CallGate;
}

/** Calls whose names stand in the catalog. */
const namesKnown = new Set<string>(['tools/call', 'prompts/get']);

export function createCallPath({
  settings,
  catalog,
  log,
  redact,
  send,
  metrics,
  turn,
  logger,
}: CallPathOptions): CallPath {
  const next = createPipeline({
    route: createRouteStep(catalog.find, catalog.changing),
    record: createRecordStep({
      log,
      redact,
      onEnd(made, outcome, seconds) {
        const target = 'target' in made ? made.target : undefined;
        const { id: callId, runId, requestId } = made;
        const told = {
          server: target?.upstream,
          // A resource's name is whatever its caller asks for.
          tool: namesKnown.has(made.method) ? target?.name : target && made.method,
          outcome: outcome.kind,
          seconds,
        };
        metrics.call(told);
        logger.debug({ callId, runId, requestId, ...told }, 'call');
      },
    }),
    admit: createAdmitStep({
      concurrentCalls: () => settings().limits.concurrentCalls,
      isLogFull: log.isFull,
      timeout: (name) =>
        settings().upstreams.find((upstream) => upstream.name === name)?.options.timeout ?? 0,
    }),
    writeAhead: createWriteAheadStep(),
    send,
  });
  const gate = createCallGate({ next, find: catalog.find });
  return {
    gate,
    async call(made) {
      const outcome = await gate.call(made);
      // A commit lets out all that it wrote at once.
      const myTurn = turn(made.principal.id);
      if (myTurn !== undefined) await myTurn;
      return outcome;
    },
  };
}

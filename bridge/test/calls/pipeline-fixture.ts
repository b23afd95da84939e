// The pipeline with all its steps, over a log whose commits the test sees and a server that the test plays.
import { createAdmitStep } from '../../src/calls/admit.ts';
import type {
  BridgeRpcError,
  Call,
  Outcome,
  RoutedCall,
  SendableCall,
  Target,
} from '../../src/calls/call.ts';
import { createPipeline } from '../../src/calls/pipeline.ts';
import type { CallEvent } from '../../src/calls/call-events.ts';
import { createRecordStep } from '../../src/calls/record.ts';
import { createRouteStep } from '../../src/calls/route.ts';
import { createWriteAheadStep } from '../../src/calls/write-ahead.ts';
import { DrawbridgeError } from '../../src/errors.ts';
import { createRedact } from '../../src/secrets/redaction.ts';

export const result: Outcome = { kind: 'result', result: { content: [] } };

export function call(overrides: Partial<Call> = {}): Call {
  return {
    id: 'call-1',
    method: 'tools/call',
    name: 's__tool',
    params: { name: 's__tool', arguments: { a: 1 } },
    view: { kind: 'all' },
    principal: { id: 'p', tenantId: 't', name: 'member', role: 'member', keyId: 'k' },
    client: { era: 'modern', capabilities: {} },
    runId: 'run-1',
    project: 'default',
    roots: [],
    signal: new AbortController().signal,
    sink: { progress() {}, message() {} },
    ...overrides,
  };
}

/** A log whose commits the test lets happen, and a server that the test answers for. */
export function build({
  effect = 'unknown' as Target['effect'],
  send = async (_call: RoutedCall): Promise<Outcome> => result,
  limit = 10,
  timeout = 60_000,
  reaches = true,
  /** How long the server of `s__changed` takes to start with its changed settings. */
  changeMs = 0,
  isLogFull = (): boolean => false,
  /** Of these events, the log takes none. */
  refused = '',
  secret = '',
  now = () => performance.now(),
} = {}) {
  const order: string[] = [];
  const events: CallEvent[] = [];
  let failure: unknown;
  const log = {
    async append(_runId: string, event: CallEvent): Promise<number> {
      await Promise.resolve();
      if (failure !== undefined) throw failure;
      if (event.type === refused) throw new DrawbridgeError('log/unavailable', 'it is refused');
      events.push(event);
      order.push(`committed ${event.type}`);
      return events.length;
    },
  };
  let isChanged = false;
  const find = ({ name }: Call): Target | BridgeRpcError =>
    name === 's__none' || (name === 's__changed' && !isChanged)
      ? { code: -32_602, message: 'Unknown tool.', data: { code: 'catalog/unknown_tool' } }
      : { upstream: name.slice(0, 1), name: 'tool', definitionHash: 'hash', effect };
  const change = (): Promise<void> =>
    new Promise((resolve) => {
      setTimeout(() => {
        isChanged = true;
        resolve();
      }, changeMs);
    });
  const pipeline = createPipeline({
    route: createRouteStep(find, ({ name }) => (name === 's__changed' ? change() : undefined)),
    record: createRecordStep({
      log: { calls: () => log },
      redact: createRedact({ literals: () => [secret] }),
      now,
    }),
    admit: createAdmitStep({ concurrentCalls: () => limit, timeout: () => timeout, isLogFull }),
    writeAhead: createWriteAheadStep(),
    send: (routed: SendableCall) => {
      if (reaches) routed.record?.markSent();
      order.push('sent');
      return send(routed);
    },
  });
  const run = async (made: Call = call()): Promise<Outcome> => {
    const outcome = await pipeline(made);
    order.push('answered');
    return outcome;
  };
  return { run, order, events, fail: (error: unknown) => (failure = error) };
}

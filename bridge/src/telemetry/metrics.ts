// What the bridge counts, in Prometheus' format, in a registry of its own (several bridges live in
// one process in tests). Labels are bounded: names come from callers, and each new one would cost
// memory here and in every store that scrapes.
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Outcome } from '../calls/call.ts';
import type { UpstreamState } from '../upstreams/upstream.ts';

export interface Metrics {
  readonly contentType: string;
  /** Without `server` and `tool` for a call that found none. */
  call(call: {
    readonly server?: string | undefined;
    readonly tool?: string | undefined;
    readonly outcome: Outcome['kind'] | 'unknown';
    readonly seconds: number;
  }): void;
  /** One group commit of the event log. */
  commit(commit: { readonly seconds: number; readonly events: number }): void;
  /** One HTTP request; `route` is the pattern that matched, never the path itself. */
  request(request: {
    readonly route: string;
    readonly method: string;
    readonly status: number;
    readonly seconds: number;
  }): void;
  /** The state of every upstream; those not named are forgotten. */
  upstreams(upstreams: readonly { readonly name: string; readonly state: UpstreamState }[]): void;
  render(): Promise<string>;
  close(): Promise<void>;
}

/** Pairs of server and tool that get a label of their own; what comes later counts as `other`. */
const MAX_TOOLS = 500;

/** Coarse enough to cost nothing: the timer behind it fires that often. */
const LOOP_RESOLUTION_MS = 20;

const states: readonly UpstreamState[] = [
  'stopped',
  'starting',
  'ready',
  'degraded',
  'broken',
  'disabled',
];
const httpMethods = new Set(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS']);

export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  const calls = new Counter({
    name: 'drawbridge_calls_total',
    help: 'Calls by server, tool and outcome',
    labelNames: ['server', 'tool', 'outcome'],
    registers,
  });
  const callSeconds = new Histogram({
    name: 'drawbridge_call_duration_seconds',
    help: 'From the call to its committed answer',
    labelNames: ['server', 'tool'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
    registers,
  });
  const upstreamState = new Gauge({
    name: 'drawbridge_upstream_state',
    help: '1 for the state each upstream is in',
    labelNames: ['server', 'state'],
    registers,
  });
  const commitSeconds = new Histogram({
    name: 'drawbridge_log_commit_seconds',
    help: 'Time of one group commit of the event log',
    buckets: [0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.5, 2],
    registers,
  });
  const batchEvents = new Histogram({
    name: 'drawbridge_log_batch_events',
    help: 'Events in one group commit of the event log',
    buckets: [1, 2, 5, 10, 20, 50, 100, 200, 500],
    registers,
  });
  const requests = new Counter({
    name: 'drawbridge_http_requests_total',
    help: 'HTTP requests by route, method and status',
    labelNames: ['route', 'method', 'status'],
    registers,
  });
  const requestSeconds = new Histogram({
    name: 'drawbridge_http_request_duration_seconds',
    help: 'Until the head of the response; a stream goes on after it',
    labelNames: ['route'],
    buckets: [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 30],
    registers,
  });
  const stopProcessMetrics = addProcessMetrics(registry);

  const seen = new Set<string>();
  const toLabels = (server = 'unknown', tool = 'unknown') => {
    const pair = `${server}\n${tool}`;
    if (!seen.has(pair)) {
      if (seen.size >= MAX_TOOLS) return { server, tool: 'other' };
      seen.add(pair);
    }
    return { server, tool };
  };

  return {
    contentType: registry.contentType,
    call: ({ server, tool, outcome, seconds }) => {
      const labels = toLabels(server, tool);
      calls.inc({ server: labels.server, tool: labels.tool, outcome });
      callSeconds.observe(labels, seconds);
    },
    commit: ({ seconds, events }) => {
      commitSeconds.observe(seconds);
      batchEvents.observe(events);
    },
    request: ({ route, method, status, seconds }) => {
      requests.inc({ route, method: httpMethods.has(method) ? method : 'other', status });
      requestSeconds.observe({ route }, seconds);
    },
    upstreams: (upstreams) => {
      upstreamState.reset();
      for (const { name, state } of upstreams) {
        for (const each of states) {
          upstreamState.set({ server: name, state: each }, each === state ? 1 : 0);
        }
      }
    },
    render: () => registry.metrics(),
    close: () => {
      stopProcessMetrics();
      return Promise.resolve();
    },
  };
}

/** prom-client's own set also watches the garbage collector at a cost, and cannot be stopped. */
function addProcessMetrics(registry: Registry): () => void {
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(read());
      },
    });
  gauge('process_resident_memory_bytes', 'Memory the process holds', () =>
    process.memoryUsage.rss(),
  );
  gauge('nodejs_heap_size_used_bytes', 'Heap in use', () => process.memoryUsage().heapUsed);
  gauge('process_start_time_seconds', 'When the process started', () => {
    return Math.round(Date.now() / 1_000 - process.uptime());
  });
  const cpu = new Counter({
    name: 'process_cpu_seconds_total',
    help: 'Processor time of the process, user and system',
    registers: [],
    collect() {
      const { user, system } = process.cpuUsage();
      this.reset();
      this.inc((user + system) / 1e6);
    },
  });
  registry.registerMetric(cpu);
  const delay = monitorEventLoopDelay({ resolution: LOOP_RESOLUTION_MS });
  delay.enable();
  // The histogram holds whole periods; what is over the resolution is the lag.
  const toLag = (nanoseconds: number): number =>
    Math.max(0, nanoseconds / 1e9 - LOOP_RESOLUTION_MS / 1e3);
  let longest = 0;
  gauge('nodejs_eventloop_lag_max_seconds', 'The longest the event loop was held up so far', () => {
    longest = Math.max(longest, toLag(delay.max));
    return longest;
  });
  const lag = new Gauge({
    name: 'nodejs_eventloop_lag_seconds',
    help: 'How late the event loop ran since the last reading: 1 is the longest',
    labelNames: ['quantile'],
    registers: [],
    collect() {
      this.set({ quantile: '0.5' }, toLag(delay.percentile(50)));
      this.set({ quantile: '0.99' }, toLag(delay.percentile(99)));
      this.set({ quantile: '1' }, toLag(delay.max));
      longest = Math.max(longest, toLag(delay.max));
      delay.reset();
    },
  });
  registry.registerMetric(lag);
  return () => {
    delay.disable();
  };
}

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Metrics, createMetrics } from '../../src/telemetry/metrics.ts';

let metrics: Metrics;
beforeEach(() => {
  metrics = createMetrics();
});
afterEach(() => metrics.close());

async function lines(start: string) {
  return (await metrics.render()).split('\n').filter((line) => line.startsWith(start));
}

describe('createMetrics', () => {
  it('counts calls by server, tool and outcome, and times them', async () => {
    metrics.call({ server: 'git', tool: 'log', outcome: 'result', seconds: 0.004 });
    metrics.call({ server: 'git', tool: 'log', outcome: 'tool_error', seconds: 4 });
    expect(await lines('drawbridge_calls_total')).toEqual([
      'drawbridge_calls_total{server="git",tool="log",outcome="result"} 1',
      'drawbridge_calls_total{server="git",tool="log",outcome="tool_error"} 1',
    ]);
    const buckets = await lines('drawbridge_call_duration_seconds_bucket');
    expect(buckets).toContain(
      'drawbridge_call_duration_seconds_bucket{le="0.005",server="git",tool="log"} 1',
    );
    expect(buckets).toContain(
      'drawbridge_call_duration_seconds_bucket{le="5",server="git",tool="log"} 2',
    );
  });

  it('counts calls that found no tool under one label', async () => {
    metrics.call({ outcome: 'protocol_error', seconds: 0 });
    expect(await lines('drawbridge_calls_total')).toEqual([
      'drawbridge_calls_total{server="unknown",tool="unknown",outcome="protocol_error"} 1',
    ]);
  });

  it('stays bounded however many tools there are', async () => {
    for (let index = 0; index < 600; index += 1) {
      metrics.call({ server: 's', tool: `t${index}`, outcome: 'result', seconds: 0 });
    }
    const counted = await lines('drawbridge_calls_total');
    expect(counted).toHaveLength(501);
    expect(counted).toContain(
      'drawbridge_calls_total{server="s",tool="other",outcome="result"} 100',
    );
  });

  it('forgets an upstream that is gone', async () => {
    metrics.upstreams([
      { name: 'a', state: 'ready' },
      { name: 'b', state: 'broken' },
    ]);
    metrics.upstreams([{ name: 'a', state: 'degraded' }]);
    const found = await lines('drawbridge_upstream_state');
    expect(found).toHaveLength(6);
    expect(found.filter((line) => line.endsWith(' 1'))).toEqual([
      'drawbridge_upstream_state{server="a",state="degraded"} 1',
    ]);
  });

  it('counts commits and requests, and a method of the caller’s invention as other', async () => {
    metrics.commit({ seconds: 0.003, events: 40 });
    metrics.request({ route: '/v1/tools', method: 'BREW', status: 405, seconds: 0.01 });
    expect(await lines('drawbridge_log_batch_events_sum')).toEqual([
      'drawbridge_log_batch_events_sum 40',
    ]);
    expect(await lines('drawbridge_http_requests_total')).toEqual([
      'drawbridge_http_requests_total{route="/v1/tools",method="other",status="405"} 1',
    ]);
  });

  it('tells memory and the lag of the event loop', async () => {
    const [memory = ''] = await lines('process_resident_memory_bytes');
    expect(Number(memory.split(' ')[1])).toBeGreaterThan(10_000_000);
    expect(await lines('nodejs_eventloop_lag_seconds')).toHaveLength(3);
  });
});

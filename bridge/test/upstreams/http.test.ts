// Servers over Streamable HTTP and the deprecated HTTP+SSE, each a process of its own.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { UpstreamConfig } from '../../src/upstreams/upstream.ts';
import {
  createHarness,
  errorOf,
  onCleanup,
  servers,
  textOf,
  toConfig,
  toolCall,
  until,
} from './harness.ts';

interface SeenRequest {
  readonly http: string;
  readonly method?: string;
  readonly headers: Record<string, string>;
}

async function startServer(kind: string, flags: readonly string[] = []) {
  const args = [join(servers, 'http-server.mjs'), `--kind=${kind}`, ...flags];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const stop = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  };
  onCleanup(stop);
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  const port = Number(line.toString());
  const origin = `http://127.0.0.1:${port}`;
  const control = async (action: string) => (await fetch(`${origin}/control/${action}`)).text();
  const requests = async () => JSON.parse(await control('requests')) as SeenRequest[];
  return { port, url: `${origin}/mcp`, stop, control, requests };
}

function remote(
  name: string,
  kind: 'http' | 'sse' | 'http-or-sse',
  url: string,
  options: UpstreamConfig['options'] | object = {},
): UpstreamConfig {
  return toConfig(name, { kind, url, headers: { authorization: 'Bearer s3cret' } }, { options });
}

describe.each([
  ['modern', 'modern', 'http'],
  ['legacy', 'legacy', 'http'],
  ['legacy', 'sse', 'sse'],
] as const)('a %s server (%s)', (era, kind, transport) => {
  it('answers, reports progress, is cancelled, and gets the configured headers', async () => {
    const server = await startServer(kind);
    const { upstreams, logs, home } = createHarness();
    await upstreams.configure([remote('far', transport, server.url)]);
    expect(textOf(await upstreams.send(toolCall('far', 'echo', { text: 'hi' })))).toBe('hi');
    expect(upstreams.status()[0]).toMatchObject({ state: 'ready', era, transport });

    const steps: number[] = [];
    const sink = {
      progress: ({ progress }: { progress: number }) => void steps.push(progress),
      message: () => undefined,
    };
    await upstreams.send(toolCall('far', 'progress', { steps: 3, ms: 5 }, { sink }));
    expect(steps).toEqual([1, 2, 3]);

    const file = join(home, 'slow');
    const controller = new AbortController();
    const { signal } = controller;
    const sent = upstreams.send(toolCall('far', 'slow', { ms: 60_000, file }, { signal }));
    await until(() => readIfThere(file).includes('started'));
    controller.abort();
    expect(await sent).toEqual({ kind: 'cancelled' });
    await until(() => readIfThere(file).includes('cancelled'));

    const requests = await server.requests();
    expect(new Set(requests.map(({ headers }) => headers['authorization']))).toEqual(
      new Set(['Bearer s3cret']),
    );
    expect(requests.some(({ headers }) => 'drawbridge-request' in headers)).toBe(false);
    expect(JSON.stringify(logs)).not.toContain('s3cret');
  });

  it('is found again after it was down, and its calls say what is wrong meanwhile', async () => {
    const server = await startServer(kind);
    const { upstreams } = createHarness();
    await upstreams.configure([remote('far', transport, server.url)]);
    await upstreams.send(toolCall('far', 'echo'));
    await server.stop();
    const { message, data } = errorOf(await upstreams.send(toolCall('far', 'echo')));
    expect(message).toMatch(/upstream "far" (could not be reached|was lost during the call)/);
    expect(data['upstream']).toBe('far');
    await startServer(kind, [`--port=${server.port}`]);
    expect(textOf(await upstreams.send(toolCall('far', 'echo', { text: 'back' })))).toBe('back');
  });

  it('answers with more than the limit: that call fails', async () => {
    const server = await startServer(kind);
    const { upstreams } = createHarness();
    const options = { maxMessageBytes: 100_000 };
    await upstreams.configure([remote('far', transport, server.url, options)]);
    const outcome = await upstreams.send(toolCall('far', 'big', { bytes: 5_000_000 }));
    expect(errorOf(outcome).message).toMatch(/maxMessageBytes/);
    expect(textOf(await upstreams.send(toolCall('far', 'echo', { text: 'still' })))).toBe('still');
  });
});

describe('a legacy server over Streamable HTTP', () => {
  it('forgets its sessions: what is safe is repeated on a new one, the rest is told', async () => {
    const server = await startServer('legacy');
    const { upstreams } = createHarness();
    await upstreams.configure([remote('far', 'http', server.url)]);
    await upstreams.send(toolCall('far', 'echo'));
    await server.control('expire');
    const read = await upstreams.send(toolCall('far', 'echo', { text: 'a' }, { effect: 'read' }));
    expect(textOf(read)).toBe('a');
    await server.control('expire');
    const write = await upstreams.send(toolCall('far', 'echo', {}, { effect: 'write' }));
    expect(errorOf(write)).toMatchObject({
      message: expect.stringContaining('its session had expired'),
      data: { code: 'upstream/outcome_unknown', upstream: 'far' },
    });
    expect(textOf(await upstreams.send(toolCall('far', 'echo', { text: 'b' })))).toBe('b');
  });

  it('gets its session back when the bridge closes', async () => {
    const server = await startServer('legacy');
    const { upstreams } = createHarness();
    await upstreams.configure([remote('far', 'http', server.url)]);
    await upstreams.send(toolCall('far', 'echo'));
    await upstreams.close();
    expect((await server.requests()).at(-1)?.http).toBe('DELETE');
  });
});

describe('a server without a type', () => {
  it('that speaks HTTP+SSE is found by falling back, and remembered', async () => {
    const server = await startServer('sse');
    const { upstreams, eras } = createHarness();
    const config = remote('far', 'http-or-sse', server.url);
    await upstreams.configure([config]);
    expect(textOf(await upstreams.send(toolCall('far', 'echo', { text: 'hi' })))).toBe('hi');
    expect(upstreams.status()[0]).toMatchObject({ transport: 'sse', era: 'legacy' });
    expect(eras.get(config.fingerprint)).toMatchObject({ era: 'legacy', transport: 'sse' });
    const before = (await server.requests()).length;
    await upstreams.restart('far');
    const again = (await server.requests()).slice(before);
    expect(again[0]?.http).toBe('GET');
  });

  it.each(['modern', 'legacy'])(
    'that speaks %s Streamable HTTP is not taken for SSE',
    async (kind) => {
      const server = await startServer(kind);
      const { upstreams } = createHarness();
      await upstreams.configure([remote('far', 'http-or-sse', server.url)]);
      expect(textOf(await upstreams.send(toolCall('far', 'echo', { text: 'hi' })))).toBe('hi');
      expect(upstreams.status()[0]).toMatchObject({ transport: 'http', era: kind });
    },
  );
});

// Holds: credentials/own-origin
it('does not carry credentials to another origin', async () => {
  const stranger = await startServer('modern');
  const server = await startServer('elsewhere', [`--to=${stranger.url}`]);
  const { upstreams } = createHarness();
  await upstreams.configure([remote('far', 'http', server.url)]);
  expect((await upstreams.send(toolCall('far', 'echo'))).kind).toBe('protocol_error');
  expect(await stranger.requests()).toEqual([]);
});

it('notices that an idle server died, and shows it', async () => {
  const server = await startServer('modern');
  const { upstreams, events } = createHarness({ timeouts: { remoteCheckMs: 50 } });
  await upstreams.configure([remote('far', 'http', server.url)]);
  await upstreams.send(toolCall('far', 'echo'));
  const first = upstreams.status()[0]?.lastHealthyAt ?? '';
  await until(() => (upstreams.status()[0]?.lastHealthyAt ?? '') > first);
  await server.stop();
  await until(() => upstreams.status()[0]?.state === 'degraded');
  expect(upstreams.status()[0]?.lastError).toMatch(/^it stopped: the network failed/);
  expect(events.at(-1)).toMatchObject({
    kind: 'state',
    status: { name: 'far', state: 'degraded' },
  });
});

it('names a server that answers HTTP 503', async () => {
  const server = await startServer('down');
  const { upstreams } = createHarness();
  await upstreams.configure([remote('far', 'http', server.url)]);
  const { message } = errorOf(await upstreams.send(toolCall('far', 'echo')));
  expect(message).toContain('upstream "far" could not be reached: it answered HTTP 503');
});

it('gives up a server that accepts the connection and stays silent', async () => {
  const server = await startServer('silent');
  const { upstreams } = createHarness();
  await upstreams.configure([remote('far', 'http', server.url, { startTimeout: 300 })]);
  const { message } = errorOf(await upstreams.send(toolCall('far', 'echo')));
  expect(message).toMatch(/upstream "far" could not be reached: .*(0\.3 s|timed out)/);
});

it.each(['modern', 'legacy'])(
  'notices at once when a %s response stream ends without an answer',
  async (kind) => {
    const server = await startServer(kind);
    const { upstreams } = createHarness();
    await upstreams.configure([remote('far', 'http', server.url)]);
    await upstreams.send(toolCall('far', 'echo'));
    await server.control('break');
    const write = await upstreams.send(toolCall('far', 'echo', {}, { effect: 'write' }));
    expect(errorOf(write).data['code']).toBe('upstream/outcome_unknown');
    await server.control('break');
    const read = await upstreams.send(toolCall('far', 'echo', { text: 'r' }, { effect: 'read' }));
    expect(textOf(read)).toBe('r');
  },
);

it.each([
  ['modern', 'reset'],
  ['legacy', 'reset'],
  ['modern', 'break'],
  ['legacy', 'break'],
])(
  'sends a call that a %s server may have got (%s) once more only where that is safe',
  async (kind, harm) => {
    const server = await startServer(kind);
    const { upstreams } = createHarness();
    await upstreams.configure([remote('far', 'http', server.url)]);
    await upstreams.send(toolCall('far', 'echo'));
    const countCalls = async () =>
      (await server.requests()).filter(({ method }) => method === 'tools/call').length;
    for (const [effect, times, end] of [
      ['write', 1, 'upstream/outcome_unknown'],
      ['unknown', 1, 'upstream/outcome_unknown'],
      ['read', 2, 'x'],
      ['idempotent', 2, 'x'],
    ] as const) {
      const before = await countCalls();
      await server.control(harm);
      const outcome = await upstreams.send(toolCall('far', 'echo', { text: 'x' }, { effect }));
      const told = outcome.kind === 'result' ? textOf(outcome) : errorOf(outcome).data['code'];
      expect([effect, told, (await countCalls()) - before]).toEqual([effect, end, times]);
    }
  },
);

it('does not let one lost answer take the calls beside it', async () => {
  const server = await startServer('modern');
  const { upstreams } = createHarness();
  await upstreams.configure([remote('far', 'http', server.url)]);
  await upstreams.send(toolCall('far', 'echo'));
  const beside = upstreams.send(toolCall('far', 'slow', { ms: 400 }));
  await until(() => upstreams.status()[0]?.inFlight === 1);
  await new Promise((resolve) => setTimeout(resolve, 100));
  await server.control('break');
  const lost = await upstreams.send(toolCall('far', 'echo'));
  expect(errorOf(lost).data['code']).toBe('upstream/outcome_unknown');
  expect(textOf(await beside)).toBe('done');
});

// Holds: modern/input-required
it('lets a modern caller be asked by a modern server, and answer', async () => {
  const server = await startServer('modern');
  const { upstreams } = createHarness();
  await upstreams.configure([remote('far', 'http', server.url)]);
  const client = { era: 'modern', capabilities: { elicitation: { form: {} } } } as const;
  const asked = await upstreams.send(toolCall('far', 'ask', {}, { client }));
  expect(asked).toMatchObject({ kind: 'input_required', result: { requestState: 'state-1' } });
  const call = toolCall('far', 'ask', {}, { client });
  const inputResponses = { name: { action: 'accept', content: { name: 'Ada' } } };
  const answered = await upstreams.send({
    ...call,
    params: { ...call.params, inputResponses, requestState: 'state-1' },
  });
  expect(textOf(answered)).toContain('Ada');
});

function readIfThere(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

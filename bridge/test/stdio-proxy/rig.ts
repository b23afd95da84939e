// A proxy between a test, which plays the client line by line, and an HTTP fixture, which plays the bridge.
import { PassThrough } from 'node:stream';
import { afterEach, expect, vi } from 'vitest';
import { createExchange } from '../../src/http-client/exchange.ts';
import { readLines } from '../../src/stdio-proxy/lines.ts';
import { type StdioProxyOptions, runStdioProxy } from '../../src/stdio-proxy/proxy.ts';
import { type Answer, type HttpFixture, createHttpFixture } from './http-fixture.ts';

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

export interface Rig {
  readonly http: HttpFixture;
  readonly issues: string[];
  /** Everything the client was sent so far. */
  readonly lines: Record<string, unknown>[];
  send(...messages: unknown[]): void;
  end(): void;
  readonly done: Promise<void>;
  /** Waits until the client was sent this many messages. */
  received(count: number): Promise<Record<string, unknown>[]>;
}

export async function createRig(
  answer: Answer,
  options: Partial<StdioProxyOptions> = {},
): Promise<Rig> {
  const http = await createHttpFixture(answer);
  cleanups.push(http.close);
  const input = new PassThrough();
  const output = new PassThrough();
  const lines: Record<string, unknown>[] = [];
  const issues: string[] = [];
  const reading = (async () => {
    for await (const line of readLines(output)) lines.push(JSON.parse(line));
  })();
  const done = runStdioProxy({
    endpoint: () =>
      Promise.resolve({ url: `${http.url}/mcp`, headers: { Authorization: 'Bearer k' } }),
    exchange: createExchange(),
    input,
    output,
    onIssue: (issue) => issues.push(issue),
    grace: 100,
    ...options,
  }).finally(() => output.end());
  cleanups.push(async () => {
    input.end();
    await done;
    await reading;
  });
  return {
    http,
    issues,
    lines,
    done,
    send: (...messages) => {
      for (const message of messages) {
        input.write(`${typeof message === 'string' ? message : JSON.stringify(message)}\n`);
      }
    },
    end: () => input.end(),
    received: async (count) => {
      await vi.waitFor(() => expect(lines.length).toBeGreaterThanOrEqual(count));
      return lines;
    },
  };
}

export function modern(id: unknown, method: string, params: Record<string, unknown> = {}) {
  return {
    jsonrpc: '2.0',
    id,
    method,
    params: { ...params, _meta: { 'io.modelcontextprotocol/protocolVersion': '2026-07-28' } },
  };
}
export function result(id: unknown, value: unknown = {}) {
  return { jsonrpc: '2.0', id, result: value };
}

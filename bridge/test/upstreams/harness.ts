// Upstreams over real server processes in a temporary home, closed and checked for leftovers after each test.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { serverOptionsSchema, type ServerOptions } from '@drawbridge/schemas';
import { pino } from 'pino';
import { afterEach } from 'vitest';
import type { Outcome, RoutedCall } from '../../src/calls/call.ts';
import { isSystemError } from '../../src/errors.ts';
import { isLiving, listPids, readProcess } from '../../src/processes/process-facts.ts';
import { createLargeJsonReader } from '../../src/calls/large-json/reader.ts';
import { createHeldBytes } from '../../src/flow/held-bytes.ts';
import { spawnWorker } from '../../src/calls/large-json/spawn-worker.ts';
import { createWorkerQueue } from '../../src/calls/large-json/worker-queue.ts';
import { createEraMemory } from '../../src/upstreams/era-memory.ts';
import type { UpstreamConfig, UpstreamEvent } from '../../src/upstreams/upstream.ts';
import { createUpstreams, type UpstreamsOptions } from '../../src/upstreams/upstreams.ts';

export const servers = fileURLToPath(new URL('../support/servers/', import.meta.url));

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

export function onCleanup(cleanup: () => Promise<void> | void): void {
  cleanups.push(cleanup);
}

export function createFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'drawbridge-upstreams-'));
  onCleanup(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export function createHarness(options: Partial<UpstreamsOptions> = {}) {
  const home = createFolder();
  const logs: Record<string, unknown>[] = [];
  const events: UpstreamEvent[] = [];
  const logger = pino({ level: 'debug' }, { write: (line) => void logs.push(JSON.parse(line)) });
  const eras = createEraMemory();
  const pidFile = join(home, 'pids.json');
  const workers = createWorkerQueue({ spawn: spawnWorker, literals: () => [], logger });
  onCleanup(() => workers.close());
  const largeJson = createLargeJsonReader({ queue: workers, held: createHeldBytes(), logger });
  const upstreams = createUpstreams({ logger, home, pidFile, eras, largeJson, ...options });
  upstreams.subscribe((event) => events.push(event));
  onCleanup(() => upstreams.close());
  return { upstreams, home, logs, events, eras, pidFile };
}

interface StdioOptions {
  readonly args?: readonly string[];
  readonly env?: Record<string, string>;
  readonly builtin?: boolean;
  readonly options?: Partial<ServerOptions>;
  readonly command?: string;
}

/** A fixture server by file name, or any command with its arguments. */
export function stdio(name: string, file: string, given: StdioOptions = {}): UpstreamConfig {
  const args =
    given.command === undefined ? [join(servers, file), ...(given.args ?? [])] : given.args;
  const transport = {
    kind: 'stdio',
    command: given.command ?? process.execPath,
    args: args ?? [],
    env: given.env ?? {},
    cwd: servers,
  } as const;
  return toConfig(name, transport, given);
}

export function toConfig(
  name: string,
  transport: UpstreamConfig['transport'],
  given: { builtin?: boolean; options?: Partial<ServerOptions> } = {},
): UpstreamConfig {
  return {
    name,
    options: { ...serverOptionsSchema.parse({}), ...given.options },
    builtin: given.builtin ?? false,
    transport,
    fingerprint: JSON.stringify([name, transport]),
  };
}

let calls = 0;

interface CallGiven extends Partial<Omit<RoutedCall, 'target'>> {
  readonly effect?: RoutedCall['target']['effect'];
}

export function toolCall(
  upstream: string,
  tool: string,
  args: Record<string, unknown> = {},
  { effect = 'unknown', ...given }: CallGiven = {},
): RoutedCall {
  calls += 1;
  return {
    id: `call-${calls}`,
    method: 'tools/call',
    name: `${upstream}__${tool}`,
    params: { name: `${upstream}__${tool}`, arguments: args },
    view: { kind: 'all' },
    principal: {
      id: 'user-1',
      tenantId: 'tenant-1',
      name: 'User',
      role: 'operator',
      keyId: 'key-1',
    },
    client: { era: 'modern', capabilities: {} },
    runId: 'run-1',
    project: 'default',
    roots: ['/projects/one'],
    signal: new AbortController().signal,
    sink: { progress: () => undefined, message: () => undefined },
    ...given,
    target: { upstream, name: tool, effect },
  };
}

/** The text of a result or tool error; a readable failure for anything else. */
export function textOf(outcome: Outcome): string {
  if (outcome.kind !== 'result' && outcome.kind !== 'tool_error') {
    throw new Error(`expected a result: ${JSON.stringify(outcome)}`);
  }
  const content = outcome.result['content'] as { text: string }[];
  return content[0]?.text ?? '';
}

export function errorOf(outcome: Outcome): { message: string; data: Record<string, unknown> } {
  if (outcome.kind !== 'protocol_error' && outcome.kind !== 'timed_out') {
    throw new Error(`expected an error: ${JSON.stringify(outcome)}`);
  }
  const { message, data } = outcome.error;
  return { message, data: (data ?? {}) as Record<string, unknown> };
}

/** Living processes whose command line holds `text`. */
export function findProcesses(text: string): number[] {
  return listPids().filter((pid) => isProcessAlive(pid) && readCommandLine(pid).includes(text));
}

export function isProcessAlive(pid: number): boolean {
  return isLiving(readProcess(pid));
}

/** Empty for a process that is gone meanwhile, or is another user's. */
function readCommandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ESRCH', 'EACCES')) return '';
    throw error;
  }
}

/** Waits for what has no event of its own, such as the death of a process that is not our child. */
export async function until(condition: () => boolean, ms = 5_000): Promise<void> {
  const deadline = performance.now() + ms;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`waited ${ms} ms in vain: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

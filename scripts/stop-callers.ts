// Callers of every kind for the stop test. Each calls one tool after the other until it is refused, and
// says of each call how it ended: answered, refused in words of the bridge, or in another way.
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { Client as LegacyClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { type Door, projectRoot } from './bridge-process.ts';
import { type SdkClient, connectLegacy, connectModern, connectNewToOld } from './sdk-clients.ts';

export const callerKinds = ['v1 client', 'v2 client', 'v2 client, old era', 'REST'] as const;
export type CallerKind = (typeof callerKinds)[number];

export interface CallEnd {
  readonly how: 'answered' | 'in words' | 'otherwise';
  /** Of one that ended otherwise, or in words. */
  readonly why?: string;
  /** By the monotonic clock, in milliseconds. */
  readonly at: number;
}

export interface Caller {
  /** Calls a tool; never rejects. */
  call(name: string, args: Record<string, unknown>): Promise<CallEnd>;
  close(): Promise<void>;
}

/** Longer than any bridge may take to end; who waits so long was left hanging. */
const HANGS_MS = 20_000;

/** One that the stop met while it connected tells so in its first call. */
export async function connect(kind: CallerKind, door: Door): Promise<Caller> {
  try {
    return await connectAs(kind, door);
  } catch (error) {
    const end = toEnd(toText(error));
    return { call: () => Promise.resolve(end), close: () => Promise.resolve() };
  }
}

async function connectAs(kind: CallerKind, door: Door): Promise<Caller> {
  switch (kind) {
    case 'v1 client':
      return toCaller(await connectLegacy(door));
    case 'v2 client':
      return toCaller(await connectModern(door));
    case 'v2 client, old era':
      return toCaller(await connectNewToOld(door));
    case 'REST':
      return toRestCaller(door);
  }
}

/** What an editor starts. It outlives the bridges, and its refused calls wait for the next one. */
export async function connectStdio({
  cwd,
  home,
  env,
}: {
  readonly cwd: string;
  readonly home: string;
  readonly env: Readonly<Record<string, string>>;
}): Promise<Caller> {
  const client = new LegacyClient({ name: 'stop-test', version: '1.0.0' });
  const command = join(projectRoot, 'bin/drawbridge.js');
  await client.connect(
    new StdioClientTransport({
      command: process.execPath,
      args: [command, 'stdio', '--home', home],
      cwd,
      env: { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '', ...env },
      stderr: 'ignore',
    }),
  );
  return toCaller({
    call: (name, args, options) => client.callTool({ name, arguments: args }, undefined, options),
    close: () => client.close(),
  });
}

export interface LoadOptions {
  /** Where files that are asked for would lie. */
  readonly folder: string;
  /** Begins the text of each call. */
  readonly name: string;
  readonly signal: AbortSignal;
  /** Whether it only writes. */
  readonly writesOnly?: boolean;
  readonly onEnd: (end: CallEnd, text: string) => void;
}

/** Calls until the signal aborts, or a call was not answered. */
export async function callUntilRefused(
  caller: Caller,
  { folder, name, signal, writesOnly = false, onEnd }: LoadOptions,
): Promise<void> {
  for (let count = 0; !signal.aborted; count += 1) {
    const text = `${name}.${count}`;
    const kind = Math.random();
    const ms = kind < 0.15 ? Math.round(200 + Math.random() * 6_000) : 0;
    const isRead = !writesOnly && kind > 0.6;
    const end = await (isRead
      ? caller.call('filesystem__info', { path: join(folder, text) })
      : caller.call('witness__note', { text, ms }));
    onEnd(end, text);
    if (end.how !== 'answered' && !writesOnly) return;
    await wait(2);
  }
}

function toCaller(client: SdkClient): Caller {
  return {
    async call(name, args) {
      try {
        // With progress a call goes another way through the bridge.
        const onprogress = Math.random() < 0.3 ? { onprogress: () => undefined } : {};
        await client.call(name, args, { timeout: HANGS_MS, ...onprogress });
        return { how: 'answered', at: performance.now() };
      } catch (error) {
        return toEnd(toText(error));
      }
    },
    // The bridge may be gone, and the session with it.
    close: () => client.close().catch(() => undefined),
  };
}

function toRestCaller({ url, token }: Door): Caller {
  return {
    async call(name, args) {
      try {
        const response = await fetch(`${url}/v1/tools/${name}/call`, {
          method: 'POST',
          headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
          body: JSON.stringify({ arguments: args }),
          signal: AbortSignal.timeout(HANGS_MS),
        });
        const text = await response.text();
        if (response.ok) return { how: 'answered', at: performance.now() };
        return toEnd(`${response.status} ${text}`);
      } catch (error) {
        return toEnd(toText(error));
      }
    },
    close: () => Promise.resolve(),
  };
}

function toEnd(why: string): CallEnd {
  const isOurs = /bridge\/(?:stopping|outcome_unknown)/.test(why);
  return { how: isOurs ? 'in words' : 'otherwise', why, at: performance.now() };
}

function toText(error: unknown): string {
  const parts: string[] = [];
  for (let inner = error; inner instanceof Error; inner = inner.cause) {
    parts.push(inner.message);
    if ('data' in inner) parts.push(JSON.stringify(inner.data) ?? '');
    if ('code' in inner) parts.push(String(inner.code));
  }
  return parts.join(' | ');
}

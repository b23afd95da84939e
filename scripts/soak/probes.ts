// Asks every server a cheap question: to see when all is well again after a disturbance, and to find
// servers that say they are ready and answer nobody.
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { getJson } from '../log-check.ts';
import { type SoakClient, Refusal, connect } from './clients.ts';
import type { Stage } from './stage.ts';
import type { Weather } from './weather.ts';

export interface Probes {
  /** Resolves with what does not answer yet when the time is up; empty when all do. */
  settle(timeoutMs: number): Promise<string[]>;
  /** Looks for half-alive servers until the signal; resolves with what it found. */
  watch(signal: AbortSignal): Promise<string[]>;
}

const servers = ['filesystem', 'worker', 'remote'] as const;
const PROBE_MS = 2_000;
const WATCH_MS = 1_000;

export async function createProbes(stage: Stage, weather: Weather): Promise<Probes> {
  const client = await connect('rest', stage.door);
  let count = 0;

  /** Why it does not answer; undefined when it does. */
  const probe = async (server: (typeof servers)[number]): Promise<string | undefined> => {
    const token = `probe-${(count += 1)}`;
    try {
      await ask(client, { server, token, folder: stage.folder });
      return undefined;
    } catch (error) {
      return `${server}: ${error instanceof Error ? error.message : String(error)}`;
    }
  };
  const isReady = async (server: string): Promise<boolean> => {
    const body = await getJson<{ servers: { name: string; state: string }[] }>(
      stage.door,
      '/v1/servers',
    );
    return body.servers.some(({ name, state }) => name === server && state === 'ready');
  };

  return {
    async settle(timeoutMs) {
      for (const until = performance.now() + timeoutMs; ; await wait(100)) {
        const failed = (await Promise.all(servers.map(probe))).filter((why) => why !== undefined);
        if (failed.length === 0 || performance.now() > until) return failed;
      }
    },
    async watch(signal) {
      const found: string[] = [];
      while (!signal.aborted) {
        for (const server of servers) {
          const begun = performance.now();
          const first = await probe(server);
          if (first === undefined || !weather.wasCalmSince(begun)) continue;
          try {
            const wasReady = await isReady(server);
            const second = await probe(server);
            if (second === undefined || !wasReady || !(await isReady(server))) continue;
            if (weather.wasCalmSince(begun)) found.push(`says ready, but ${first}; ${second}`);
          } catch (error) {
            if (weather.wasCalmSince(begun)) found.push(`no list of servers: ${String(error)}`);
          }
        }
        await wait(WATCH_MS);
      }
      return found;
    },
  };
}

async function ask(
  client: SoakClient,
  { server, token, folder }: { server: string; token: string; folder: string },
): Promise<void> {
  const signal = AbortSignal.timeout(PROBE_MS);
  if (server !== 'filesystem') {
    await client.ask(`${server}__peek`, { text: token }, { signal });
    return;
  }
  try {
    await client.ask('filesystem__info', { path: join(folder, token) }, { signal });
  } catch (error) {
    // There is no such file, and the server says so.
    if (!(error instanceof Refusal && error.code === 'tool_error')) throw error;
  }
}

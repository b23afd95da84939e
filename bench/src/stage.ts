// Puts a contender on its feet: starts it, waits for its first answered call, measures that time, and
// ends it.
import { mkdir } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { Contender } from './contenders/contender.ts';
import type { Lifetime } from './lifetime.ts';
import type { Target } from './load/connection.ts';
import type { LoadProcess } from './load/load-process.ts';

export interface Stage {
  /** Starts it in its folder; the load generator then has a connection of its name. */
  start(contender: Contender): Promise<Performing>;
}

export interface Performing {
  readonly contender: Contender;
  readonly target: Target;
  /** The root of its process tree. */
  readonly pid: number;
  /** From the start of its process to its first answered call, in milliseconds. */
  readonly startMs: number;
  stop(): Promise<void>;
}

export interface StageOptions {
  readonly folder: string;
  readonly load: LoadProcess;
  readonly lifetime: Lifetime;
}

const DEADLINE_MS = 30_000;

export function createStage({ folder, load, lifetime }: StageOptions): Stage {
  return {
    async start(contender) {
      const { name } = contender;
      const own = join(folder, name);
      await mkdir(own, { recursive: true });
      const begin = performance.now();
      const { target, process } = await contender.start({ folder: own, port: await freePort() });
      const stopProcess = lifetime.add(async () => process?.stop());
      try {
        const opened = load.ask('open', { name, target, deadlineMs: DEADLINE_MS });
        const { pid } = await (process === undefined
          ? opened
          : Promise.race([opened, process.died]));
        const startMs = performance.now() - (process?.startedAt ?? begin);
        const root = process?.pid ?? pid;
        if (root === undefined) throw new Error(`${name} has no process.`);
        return {
          contender,
          target,
          pid: root,
          startMs,
          async stop() {
            await load.ask('close', { name });
            await stopProcess();
          },
        };
      } catch (error) {
        await stopProcess();
        throw error;
      }
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('There is no free port.');
  return address.port;
}

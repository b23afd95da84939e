// A bridge that is going to be killed: starts the upstreams it is told to, prints their pids, waits.
// Arguments: the home, then the upstreams as JSON.
import { join } from 'node:path';
import { pino } from 'pino';
import { createLargeJsonReader } from '../../../src/calls/large-json/reader.ts';
import { createHeldBytes } from '../../../src/flow/held-bytes.ts';
import { spawnWorker } from '../../../src/calls/large-json/spawn-worker.ts';
import { createWorkerQueue } from '../../../src/calls/large-json/worker-queue.ts';
import { createEraMemory } from '../../../src/upstreams/era-memory.ts';
import type { UpstreamConfig } from '../../../src/upstreams/upstream.ts';
import { createUpstreams } from '../../../src/upstreams/upstreams.ts';

const [, , home = '', json = '[]'] = process.argv;
// Written by the test that started this process.
const configs = JSON.parse(json) as UpstreamConfig[];
const logger = pino({ level: 'silent' });
const pidFile = join(home, 'pids.json');
const largeJson = createLargeJsonReader({
  queue: createWorkerQueue({ spawn: spawnWorker, literals: () => [], logger }),
  held: createHeldBytes(),
  logger,
});
const upstreams = createUpstreams({ logger, home, pidFile, eras: createEraMemory(), largeJson });
await upstreams.configure(configs);
await Promise.all(configs.map(({ name }) => upstreams.discover(name)));
process.stdout.write(`${JSON.stringify(upstreams.status().map(({ pids }) => pids))}\n`);
setInterval(() => undefined, 1_000);

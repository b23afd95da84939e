// A bridge that is going to be killed: starts the upstreams it is told to, prints their pids, waits.
// Arguments: the home, then the upstreams as JSON.
import { join } from 'node:path';
import { pino } from 'pino';
import { createEraMemory } from '../../../src/upstreams/era-memory.ts';
import type { UpstreamConfig } from '../../../src/upstreams/upstream.ts';
import { createUpstreams } from '../../../src/upstreams/upstreams.ts';

const [, , home = '', json = '[]'] = process.argv;
// Written by the test that started this process.
const configs = JSON.parse(json) as UpstreamConfig[];
const logger = pino({ level: 'silent' });
const pidFile = join(home, 'pids.json');
const upstreams = createUpstreams({ logger, home, pidFile, eras: createEraMemory() });
await upstreams.configure(configs);
await Promise.all(configs.map(({ name }) => upstreams.discover(name)));
process.stdout.write(`${JSON.stringify(upstreams.status().map(({ pids }) => pids))}\n`);
setInterval(() => undefined, 1_000);

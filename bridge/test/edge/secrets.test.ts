import { join } from 'node:path';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type TestBridge, startTestBridge } from '../support/bridge.ts';
import { type Caller, asCaller, makeCaller } from '../support/caller.ts';

/** Holds what JSON, URLs and base64 write in other ways. */
const SECRET = 'v9/Zq+known "value" 7é';
const FORMS = [
  SECRET,
  JSON.stringify(SECRET).slice(1, -1),
  'v9/Zq+known',
  encodeURIComponent(SECRET),
  Buffer.from(SECRET).toString('hex'),
  // What stands in the middle, at each of the three places it can have.
  ...[0, 1, 2].map((skip) => Buffer.from(SECRET.slice(skip)).toString('base64').slice(0, 12)),
  Buffer.from(`user:${SECRET}`).toString('base64').slice(8, 20),
];

let bridge: TestBridge;
let member: Caller;
let operator: Caller;

const leaky = {
  command: process.execPath,
  args: [join(import.meta.dirname, '../support/servers/leaky.mjs')],
  env: { LEAKY_TOKEN: '${LEAKY_TOKEN}' },
};

beforeAll(async () => {
  bridge = await startTestBridge(
    {
      mcpServers: {
        leaky,
        crashing: { ...leaky, args: [...leaky.args, '--crash'] },
        missing: { command: '/opt/of-the-operator/server', args: ['--key', '${LEAKY_TOKEN}'] },
        gone: { url: 'http://127.0.0.1:9/${LEAKY_TOKEN}/mcp' },
      },
      drawbridge: {
        servers: { leaky: { effects: { '*': 'read' } }, crashing: { startTimeout: '5s' } },
      },
    },
    { LEAKY_TOKEN: SECRET },
  );
  member = await makeCaller(bridge, { name: 'member', user: 'mia' });
  operator = asCaller(bridge, { id: '', key: bridge.bridge.keys.operator });
}, 60_000);
afterAll(() => bridge.close());

function expectNoSecret(text: string): void {
  for (const form of FORMS) expect(text).not.toContain(form);
}

async function read(caller: Caller, path: string, init?: RequestInit) {
  return (await caller.request(path, init)).text();
}

async function serversOf(caller: Caller) {
  const { servers } = JSON.parse(await read(caller, '/v1/servers')) as {
    servers: { name: string; lastError?: string; pids: number[] }[];
  };
  return Object.fromEntries(servers.map((server) => [server.name, server]));
}

test('the state of a server that failed tells members what it comes to, and operators why', async () => {
  await expect
    .poll(
      async () => Object.values(await serversOf(operator)).filter(({ lastError }) => lastError),
      {
        timeout: 20_000,
      },
    )
    .toHaveLength(3);
  const [theirs, ours] = [await serversOf(member), await serversOf(operator)];
  for (const servers of [theirs, ours]) expectNoSecret(JSON.stringify(servers));
  expect(ours['crashing']?.lastError).toContain('it last wrote: cannot connect');
  expect(ours['missing']?.lastError).toContain('/opt/of-the-operator/server');
  expect(theirs['crashing']?.lastError).toBe(
    'upstream "crashing" could not be started: it stopped (exit code 3)',
  );
  expect(theirs['missing']?.lastError).toBe('upstream "missing" could not be started');
  expect(JSON.stringify(theirs)).not.toMatch(/wrote|opt|operator/);
  expect(theirs['gone']?.lastError).toMatch(/could not be reached/);
  expect(Object.values(theirs).every(({ pids }) => pids.length === 0)).toBe(true);
  expectNoSecret(await read(operator, '/v1/servers/crashing/logs'));
  expect(await read(operator, '/v1/servers/crashing/logs')).toContain('[redacted]');
  expectNoSecret(await read(operator, '/v1/servers/crashing/restart', { method: 'POST' }));
});

test('what a server offers names no secret, and what is named by one is not offered', async () => {
  const listed = await read(member, '/v1/tools?limit=500');
  expectNoSecret(listed);
  expect(listed).toContain('leaky__result');
  expect(listed).toContain('connected as dXNlcj[redacted]');
  const session = await member.initialize();
  for (const method of ['tools/list', 'resources/list', 'prompts/list']) {
    expectNoSecret(await (await member.post({ id: 2, method }, session)).text());
  }
  const resources = await (await member.post({ id: 3, method: 'resources/list' }, session)).text();
  expect(resources).toContain('db://host/y');
});

describe('a call', () => {
  test('has its own result unchanged, and the log has it redacted', async () => {
    const { body } = await member.call('leaky__result', {});
    expect(JSON.stringify(body['result'])).toContain('known');
    const events = await read(member, `/v1/runs/${String(body['runId'])}/events`);
    expectNoSecret(events);
    expect(events).toContain('with [redacted]');
  });

  test('that the server refuses has the error redacted', async () => {
    const { status, body } = await member.call('leaky__error', {});
    expect(status).toBe(502);
    expectNoSecret(JSON.stringify(body));
    expect(JSON.stringify(body)).toContain('[redacted]');
  });

  test('whose error is cut leaves no half of a secret in the log', async () => {
    await member.call('leaky__long', {});
    const { runs } = JSON.parse(await read(member, '/v1/runs')) as { runs: { id: string }[] };
    const events = await read(member, `/v1/runs/${runs[0]?.id}/events`);
    expect(events).toContain('x x');
    expect(events).not.toContain(SECRET.slice(0, 5));
  });

  test('has messages and progress redacted', async () => {
    const session = await member.initialize();
    const params = { name: 'leaky__chatter', arguments: {}, _meta: { progressToken: 1 } };
    const answer = await member.post({ id: 5, method: 'tools/call', params }, session);
    const events = (await answer.text()).split('\n').filter((line) => line.startsWith('data: {'));
    const notes = events.filter((line) => line.includes('notifications/'));
    expect(notes).toHaveLength(2);
    expectNoSecret(notes.join('\n'));
  });

  test('that is repeated by its Idempotency-Key gets what the log has', async () => {
    const headers = { 'Idempotency-Key': `once ${SECRET.replace('é', '')} dbk_${'a'.repeat(43)}` };
    const first = await member.call('leaky__result', {}, headers);
    const again = await member.call('leaky__result', {}, headers);
    expect(JSON.stringify(first.body)).toContain('known');
    expectNoSecret(JSON.stringify(again.body));
    expect(again.body).toMatchObject({ runId: first.body['runId'], outcome: 'result' });
  });
});

// Holds: redaction/everywhere
test('no table of the store holds the secret, however callers and servers wrote it', async () => {
  const bad = `agent ${encodeURIComponent(SECRET)} ${Buffer.from(SECRET).toString('hex')}`;
  await member.call('leaky__result', { [SECRET]: { a: `x${SECRET}y` } }, { 'User-Agent': bad });
  const initialize = await member.post({
    id: 1,
    method: 'initialize',
    params: {
      protocolVersion: '2025-06-18',
      capabilities: { experimental: { [SECRET]: { a: SECRET } } },
      clientInfo: { name: SECRET, version: bad },
    },
  });
  const session = initialize.headers.get('mcp-session-id') ?? '';
  await initialize.text();
  const call = { name: 'leaky__result', arguments: { a: JSON.stringify({ b: SECRET }) } };
  await (await member.post({ id: 2, method: 'tools/call', params: call }, session)).text();
  expectNoSecret(await read(member, '/v1/runs?limit=500'));
  expectNoSecret(await read(operator, '/v1/runs?limit=500'));

  const client = new Client({ connectionString: bridge.databaseUrl });
  await client.connect();
  try {
    const { rows: tables } = await client.query<{ name: string }>(
      `select relname as name from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')`,
    );
    for (const { name } of tables) {
      const { rows } = await client.query<{ row: string }>(
        `select t::text as row from "${name}" t`,
      );
      for (const { row } of rows) {
        for (const form of FORMS) expect([name, row.includes(form) && row]).toEqual([name, false]);
        expect([name, row.replaceAll('""', '"').includes('"value" 7')]).toEqual([name, false]);
      }
    }
  } finally {
    await client.end();
  }
});

// Every call that the log knows as started has one end in it, whatever happened to the database or to the
// bridges meanwhile: a database that is frozen longer than a call waits for it, and a bridge that is
// stopped until others take it for dead.
import { Client } from 'pg';
import { afterEach, expect, test } from 'vitest';
import { type TestBridge, modernServer, startTestBridge } from '../support/bridge.ts';
import { startFreezablePostgres } from '../support/frozen-postgres.ts';
import { startSecondBridge } from '../support/second-bridge.ts';

const config = { mcpServers: { slow: modernServer } };
const POLL = { timeout: 60_000, interval: 200 };
const ENDS = /^call\.(?:completed|failed|cancelled|input_required)$/;

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
}, 60_000);

interface Logged {
  readonly run: string;
  readonly kind: string;
  readonly isOpen: boolean;
  readonly type: string;
  readonly call: string | null;
  readonly sent: string | null;
}

async function connect(url: string): Promise<Client> {
  const client = new Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  closing.push(() => client.end());
  return client;
}

async function readLog(client: Client): Promise<readonly Logged[]> {
  const { rows } = await client.query<Logged>(`
    select e.run_id as run, r.kind, r.completed_at is null as "isOpen", e.type,
      e.payload ->> 'callId' as call, e.payload ->> 'sent' as sent
    from run_events e join runs r on r.id = e.run_id order by e.run_id, e.seq`);
  return rows;
}

/** What is wrong with a log in which nothing is under way. */
function findIssues(log: readonly Logged[]): readonly string[] {
  const ends = new Map<string, number>();
  const started = new Set<string>();
  const issues: string[] = [];
  let ended: string | undefined;
  for (const { run, kind, isOpen, type, call } of log) {
    if (run === ended) issues.push(`${type} after the end of run ${run}`);
    if (/^run\.(?:completed|failed|cancelled)$/.test(type)) ended = run;
    if (type === 'run.started' && kind === 'rest' && isOpen) issues.push(`run ${run} is open`);
    if (call === null) continue;
    if (type === 'call.started') started.add(call);
    if (ENDS.test(type)) ends.set(call, (ends.get(call) ?? 0) + 1);
  }
  for (const call of started) {
    const count = ends.get(call) ?? 0;
    if (count !== 1) issues.push(`call ${call} has ${count} ends`);
  }
  return issues;
}

function rest(bridge: Pick<TestBridge, 'request'>, ms: number, init: { key?: string } = {}) {
  return bridge.request('/v1/tools/slow__slow/call', {
    ...init,
    method: 'POST',
    body: JSON.stringify({ arguments: { ms } }),
  });
}

test('a database that is frozen for longer than a call waits leaves no call and no run open', async () => {
  const postgres = await startFreezablePostgres();
  closing.push(postgres.close);
  const bridge = await startTestBridge(config, { DATABASE_URL: postgres.url });
  closing.push(bridge.close);
  const client = await connect(postgres.url);
  await rest(bridge, 0);
  const mcp = await bridge.modern();
  const ask = (ms: number): Promise<unknown> => rest(bridge, ms).then((answer) => answer.json());
  const call = (ms: number) =>
    mcp.callTool({ name: 'slow__slow', arguments: { ms } }).catch((error: unknown) => error);
  // They are at the server while the database freezes, and at different places of the log's way.
  const under = [
    ...Array.from({ length: 10 }, (_, index) => ask(4_000 + index * 40)),
    ...Array.from({ length: 5 }, (_, index) => call(4_000 + index * 60)),
  ];
  await expect
    .poll(
      async () => (await readLog(client)).filter(({ type }) => type === 'call.started').length,
      POLL,
    )
    .toBe(16);
  closing.push(async () => postgres.thaw());
  await postgres.freeze();
  const late = [ask(0), ask(0), call(0)];
  const told = JSON.stringify(await Promise.all([...under, ...late]));
  expect(told).toContain('log/outcome_unknown');
  postgres.thaw();
  await expect.poll(async () => findIssues(await readLog(client)), POLL).toEqual([]);
  const log = await readLog(client);
  expect(log.filter(({ type }) => type === 'call.completed').length).toBeGreaterThan(10);
  // What was asked for meanwhile was not sent, and where the log has it, it says so.
  const unsent = log.filter(({ type }) => type === 'call.failed');
  for (const { sent } of unsent) expect(sent).toBe('false');
}, 120_000);

// Holds: log/one-end
test('a bridge that is stopped until another takes it for dead ends no call a second time', async () => {
  const bridge = await startTestBridge(config);
  closing.push(bridge.close);
  const second = await startSecondBridge(bridge);
  closing.push(second.close);
  const client = await connect(bridge.databaseUrl);
  const key = bridge.bridge.keys.operator;
  await (await rest(second, 0, { key })).json();
  const session = await initialize(second, key);
  const under = [
    ...Array.from({ length: 8 }, () => rest(second, 6_000, { key })),
    ...Array.from({ length: 8 }, (_, id) => callInSession(second, { key, session, id, ms: 6_000 })),
  ].map((answer) => answer.then((response) => response.text()));
  await expect
    .poll(
      async () => (await readLog(client)).filter(({ type }) => type === 'call.started').length,
      POLL,
    )
    .toBe(17);
  second.stop();
  await client.query(
    `update bridges set beat_at = now() - interval '1 minute'
     where id = (select bridge_id from runs where kind = 'rest' limit 1)`,
  );
  // The other one sweeps with one of its next heartbeats.
  await expect
    .poll(
      async () => (await readLog(client)).filter(({ type }) => type === 'call.failed').length,
      POLL,
    )
    .toBe(16);
  second.resume();
  const texts = await Promise.all(under);
  for (const text of texts) expect(text).toMatch(/unknown/);
  // It goes on: with its next heartbeat it is another one, for the same session too.
  await expect.poll(async () => (await rest(second, 0, { key })).status, POLL).toBe(200);
  expect(await (await callInSession(second, { key, session, id: 99, ms: 0 })).text()).toContain(
    'done',
  );
  await expect.poll(async () => findIssues(await readLog(client)), POLL).toEqual([]);
}, 180_000);

test('a session that is ended in the middle of a call has its end after that of the call', async () => {
  const bridge = await startTestBridge(config);
  closing.push(bridge.close);
  const client = await connect(bridge.databaseUrl);
  const key = bridge.bridge.keys.operator;
  const session = await initialize(bridge, key);
  const answer = callInSession(bridge, { key, session, id: 1, ms: 2_000 }).then((response) =>
    response.text(),
  );
  await expect
    .poll(async () => (await readLog(client)).some(({ type }) => type === 'call.started'), POLL)
    .toBe(true);
  const ended = await bridge.request('/mcp', {
    method: 'DELETE',
    headers: { ...LEGACY, 'Mcp-Session-Id': session },
  });
  expect(ended.status).toBe(204);
  expect(await answer).toContain('done');
  await expect
    .poll(
      async () =>
        (await readLog(client)).filter(({ kind }) => kind === 'session').map(({ type }) => type),
      POLL,
    )
    .toEqual(['run.started', 'call.started', 'call.completed', 'run.completed']);
}, 60_000);

const LEGACY = {
  Accept: 'application/json, text/event-stream',
  'Mcp-Protocol-Version': '2025-06-18',
};

async function initialize(bridge: Pick<TestBridge, 'request'>, key: string): Promise<string> {
  const response = await bridge.request('/mcp', {
    key,
    method: 'POST',
    headers: LEGACY,
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 'i',
      method: 'initialize',
      params: {
        protocolVersion: '2025-06-18',
        capabilities: {},
        clientInfo: { name: 'old', version: '1' },
      },
    }),
  });
  await response.text();
  return response.headers.get('Mcp-Session-Id') ?? '';
}

function callInSession(
  bridge: Pick<TestBridge, 'request'>,
  { key, session, id, ms }: { key: string; session: string; id: number; ms: number },
): Promise<Response> {
  return bridge.request('/mcp', {
    key,
    method: 'POST',
    headers: { ...LEGACY, 'Mcp-Session-Id': session },
    body: JSON.stringify({
      jsonrpc: '2.0',
      id,
      method: 'tools/call',
      params: { name: 'slow__slow', arguments: { ms } },
    }),
  });
}

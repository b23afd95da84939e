// Repeated requests with an Idempotency-Key whose first answer was not kept: the log says whether the call took
// place.
import { randomUUID } from 'node:crypto';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type TestBridge, modernServer, startTestBridge } from '../support/bridge.ts';
import { startFreezablePostgres } from '../support/frozen-postgres.ts';
import { type SecondBridge, startSecondBridge } from '../support/second-bridge.ts';

const config = { mcpServers: { slow: modernServer } };
const POLL = { timeout: 60_000, interval: 200 };

let bridge: TestBridge;
let second: SecondBridge;
let client: Client;

beforeAll(async () => {
  bridge = await startTestBridge(config);
  second = await startSecondBridge(bridge);
  client = new Client({ connectionString: bridge.databaseUrl });
  await client.connect();
}, 60_000);
afterAll(async () => {
  await client.end();
  await second.close();
  await bridge.close();
});

interface Answered {
  readonly status: number;
  readonly isReplayed: boolean;
  readonly body: {
    readonly code?: string;
    readonly detail?: string;
    readonly runId?: string;
    readonly details?: { readonly runId?: string; readonly logged?: string };
  };
}

async function call(
  of: Pick<TestBridge, 'request'>,
  key: string,
  {
    tool = 'slow__echo',
    args = { text: 'hello' },
    headers = {},
  }: { tool?: string; args?: object; headers?: Record<string, string> } = {},
): Promise<Answered> {
  const response = await of.request(`/v1/tools/${tool}/call`, {
    key: bridge.bridge.keys.operator,
    method: 'POST',
    headers: { 'Idempotency-Key': key, ...headers },
    body: JSON.stringify({ arguments: args }),
  });
  return {
    status: response.status,
    isReplayed: response.headers.has('Idempotency-Replayed'),
    body: (await response.json()) as Answered['body'],
  };
}

function forgetAnswer(key: string) {
  return client.query('update idempotency_keys set status = null, response = null where key = $1', [
    key,
  ]);
}

test('an answer that was lost is given as the log has it, and the call is not made again', async () => {
  const key = randomUUID();
  const first = await call(bridge, key);
  await forgetAnswer(key);
  expect(await call(bridge, key)).toEqual({ ...first, isReplayed: true });
  const other = await call(bridge, key, { args: { text: 'other' } });
  expect(other).toMatchObject({ status: 409, body: { code: 'request/conflict' } });
});

test('a lost answer that is too large for an event is given whole', async () => {
  const key = randomUUID();
  const args = { text: 'x'.repeat(20_000) };
  const first = await call(bridge, key, { args });
  await forgetAnswer(key);
  expect(await call(bridge, key, { args })).toEqual({ ...first, isReplayed: true });
});

test('a key whose call was not sent can be used again', async () => {
  const key = randomUUID();
  expect((await call(bridge, key, { tool: 'slow__none' })).status).toBe(404);
  expect(await call(bridge, key)).toMatchObject({ status: 200, isReplayed: false });
  expect(await call(bridge, key)).toMatchObject({ status: 200, isReplayed: true });
});

test.each([
  ['was not sent', { tool: 'slow__none' }, 404],
  ['was refused before it began', { headers: { 'Drawbridge-Project': 'none' } }, 400],
])('a key whose call %s is free for other bridges at once', async (_name, request, status) => {
  const key = randomUUID();
  expect((await call(second, key, request)).status).toBe(status);
  expect(await call(bridge, key)).toMatchObject({ status: 200, isReplayed: false });
});

test("a killed bridge's key gets what the log has of its call, and is free when that is nothing", async () => {
  const [under, never] = [randomUUID(), randomUUID()];
  const args = { ms: 600_000 };
  const cut = call(second, under, { tool: 'slow__slow', args }).catch((error: unknown) => error);
  const findRun = async (): Promise<string | undefined> => {
    const { rows } = await client.query<{ run_id: string }>(
      `select run_id from run_events where type = 'call.started' and run_id =
         (select run_id from idempotency_keys where key = $1)`,
      [under],
    );
    return rows[0]?.run_id;
  };
  await expect.poll(findRun, POLL).toBeDefined();
  const runId = await findRun();
  // A key that was taken, and no more: the bridge was killed before the call was in the log.
  await client.query(
    `insert into idempotency_keys (tenant_id, user_id, key, request_hash, run_id, bridge_id)
     select tenant_id, user_id, $1, request_hash, $2, bridge_id from idempotency_keys where key = $3`,
    [never, randomUUID(), under],
  );
  const again = () => call(bridge, under, { tool: 'slow__slow', args });
  expect(await again()).toMatchObject({
    status: 409,
    body: { detail: expect.stringContaining('has not ended'), details: { runId } },
  });
  expect((await call(bridge, never)).status).toBe(409);
  second.kill();
  await cut;
  await expect
    .poll(async () => (await again()).body.details, POLL)
    .toEqual({ runId, logged: 'call.failed' });
  expect(await call(bridge, never)).toMatchObject({ status: 200, isReplayed: false });
  expect(await call(bridge, never)).toMatchObject({ status: 200, isReplayed: true });
}, 120_000);

test('after a database that was frozen every key has its answer, or is free', async () => {
  const postgres = await startFreezablePostgres();
  const frozen = await startTestBridge(config, { DATABASE_URL: postgres.url });
  const ask = (key: string, ms: number) =>
    frozen
      .request('/v1/tools/slow__slow/call', {
        method: 'POST',
        headers: { 'Idempotency-Key': key },
        body: JSON.stringify({ arguments: { ms } }),
      })
      .then(async (response) => ({ status: response.status, text: await response.text() }));
  try {
    expect((await ask(randomUUID(), 0)).status).toBe(200);
    const keys = Array.from({ length: 12 }, () => randomUUID());
    const first = keys.slice(0, 8).map((key, index) => ask(key, 50 * index));
    await new Promise((resolve) => setTimeout(resolve, 200));
    await postgres.freeze();
    const all = [...first, ...keys.slice(8).map((key) => ask(key, 0))];
    const answers = await Promise.all(all);
    postgres.thaw();
    for (const { status } of answers) expect([200, 503]).toContain(status);
    const reader = new Client({ connectionString: postgres.url });
    await reader.connect();
    // No key stays taken for a call that is not in the log, whoever asks again or does not.
    await expect
      .poll(async () => {
        const { rows } = await reader.query<{ count: string }>(
          `select count(*) from idempotency_keys k where status is null and not exists (
             select from run_events e where e.run_id = k.run_id and e.type = 'call.started')`,
        );
        return rows[0]?.count;
      }, POLL)
      .toBe('0');
    await reader.end();
    for (const [index, key] of keys.entries()) {
      await expect
        .poll(async () => (await ask(key, index < 8 ? 50 * index : 0)).status, POLL)
        .toBe(200);
    }
  } finally {
    postgres.thaw();
    await frozen.close();
    await postgres.close();
  }
}, 120_000);

// Reads of the log while its database is away: they fail in time, with the reason.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type TestBridge, modernServer, startTestBridge } from '../support/bridge.ts';
import { type FreezablePostgres, startFreezablePostgres } from '../support/frozen-postgres.ts';

let postgres: FreezablePostgres;
let bridge: TestBridge;

beforeAll(async () => {
  postgres = await startFreezablePostgres();
  bridge = await startTestBridge(
    { mcpServers: { slow: modernServer } },
    { DATABASE_URL: postgres.url },
  );
}, 60_000);
afterAll(async () => {
  postgres.thaw();
  await bridge.close();
  await postgres.close();
}, 60_000);

test('every route that reads says that the database is frozen, and reads again afterwards', async () => {
  const called = await bridge.request('/v1/tools/slow__echo/call', {
    method: 'POST',
    body: JSON.stringify({ arguments: { text: 'x'.repeat(20_000) } }),
  });
  const { runId } = (await called.json()) as { runId: string };
  const events = await (await bridge.request(`/v1/runs/${runId}/events`)).text();
  const [, artifact = ''] = /"artifact":"([0-9a-f]{64})"/.exec(events) ?? [];
  const stream = { headers: { Accept: 'text/event-stream' } };
  const routes: [string, RequestInit?][] = [
    ['/v1/runs'],
    [`/v1/runs/${runId}`],
    [`/v1/runs/${runId}/events`],
    [`/v1/runs/${runId}/events`, stream],
    ['/v1/events', stream],
    [`/v1/artifacts/${artifact}`],
    ['/v1/keys'],
  ];
  const readAll = () =>
    Promise.all(
      routes.map(async ([path, init]) => {
        const response = await bridge.request(path, init);
        const isStream = response.headers.get('Content-Type')?.startsWith('text/event-stream');
        if (isStream === true) {
          await response.body?.cancel();
          return [path, response.status, undefined];
        }
        const { code } = JSON.parse(await response.text()) as { code?: string };
        return [path, response.status, code];
      }),
    );
  await postgres.freeze();
  const begun = performance.now();
  // More than the pool has connections: the second round waits for one.
  const rounds = await Promise.all([readAll(), readAll()]);
  for (const [path, status, code] of rounds.flat()) {
    expect([path, status, code]).toEqual([path, 503, 'store/unavailable']);
  }
  expect(performance.now() - begun).toBeLessThan(30_000);
  const ready = await bridge.request('/ready', { key: null });
  expect([ready.status, await ready.json()]).toMatchObject([
    503,
    { status: 'unavailable', dependencies: { postgres: { status: 'failed' } } },
  ]);
  postgres.thaw();
  await expect
    .poll(async () => (await readAll()).map(([, status]) => status), { timeout: 60_000 })
    .toEqual(routes.map(() => 200));
}, 120_000);

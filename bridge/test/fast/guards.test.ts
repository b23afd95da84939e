// The checks of the edge and of the SDK's front hold for plain calls as well: the fast path goes around none.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { open, toCall } from '../edge/connection.ts';
import { type TestBridge, startTestBridge } from '../support/bridge.ts';

const BODY_BYTES = 4_000;
const ORIGIN = 'https://console.example';

let bridge: TestBridge;
beforeAll(async () => {
  bridge = await startTestBridge({
    drawbridge: { cors: { origins: [ORIGIN] }, limits: { bodyBytes: BODY_BYTES } },
  });
  await bridge.request('/v1/tools'); // waits until the server has told its own
}, 60_000);
afterAll(() => bridge.close());

/** A plain call, but for these headers and arguments. */
async function call(options: Parameters<typeof toCall>[2] = {}) {
  const connection = open(bridge.url);
  connection.socket.write(toCall(bridge.bridge.keys.member, 'filesystem__roots', options));
  const status = await connection.status();
  const isFast = !/^access-control-expose-headers:/im.test(connection.text());
  return { status, isFast, text: connection.text() };
}

test('a plain call is fast', async () => {
  expect(await call()).toMatchObject({ status: 200, isFast: true });
});

test.each(['127.0.0.1', 'localhost:11100', '[::1]:1'])('the host %s may be named', async (Host) => {
  expect(await call({ headers: { Host } })).toMatchObject({ status: 200, isFast: true });
});

test.each([
  '127.0.0.1.evil.example',
  'localhost.evil.example:80',
  'evil.example',
  'evil-127.0.0.1',
  '127x0.0.1',
])('the host %s may not', async (Host) => {
  expect(await call({ headers: { Host } })).toMatchObject({ status: 403 });
});

test('a page of another origin may not call, and one that is allowed may read the answer', async () => {
  expect(await call({ headers: { Origin: 'https://evil.example' } })).toMatchObject({
    status: 403,
  });
  const { status, text } = await call({ headers: { Origin: ORIGIN } });
  expect(status).toBe(200);
  expect(text).toMatch(/^access-control-allow-origin: https:\/\/console\.example\r$/im);
});

test('a body over the limit is refused', async () => {
  const args = { text: 'x'.repeat(BODY_BYTES) };
  expect(await call({ args })).toMatchObject({ status: 413 });
});

test('calls that name a trace are in its run, and others are not', async () => {
  const trace = (name: string) => `00-${name.repeat(32)}-${'1'.repeat(16)}-01`;
  const made = (traceparent?: string) =>
    call({ headers: traceparent === undefined ? {} : { traceparent } });
  const runs = async () => {
    const { runs: found } = (await (await bridge.request('/v1/runs?kind=stream')).json()) as {
      runs: { id: string }[];
    };
    return found.map(({ id }) => id);
  };
  const countsOf = async (ids: readonly string[]) => {
    const counts = ids.map(async (id) => {
      const page = await (await bridge.request(`/v1/runs/${id}/events`)).text();
      return page.split('"call.completed"').length - 1;
    });
    return Promise.all(counts);
  };
  await made();
  const before = await runs();
  for (const name of ['a', 'b', 'a']) expect((await made(trace(name))).status).toBe(200);
  await made();
  const added = (await runs()).filter((id) => !before.includes(id));
  expect((await countsOf(added)).sort()).toEqual([1, 2]);
});

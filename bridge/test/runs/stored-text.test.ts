// Whatever JSON a caller or a server sends ends up in the log, and everything that reads the log later
// meets it: the sweep of the next start, pages, streams, prune, backup and restore.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { readRunningBridge } from '../../src/store/home-lock.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';

const command = resolve(import.meta.dirname, '../../../bin/drawbridge.js');
const servers = resolve(import.meta.dirname, '../support/servers');
const WAIT = { timeout: 40_000, interval: 50 };
const LONG = 120_000;

const NUL = String.raw`\u0000`;
const HALF = String.raw`\ud83d`;
const OTHER_HALF = String.raw`\udc00`;
const controls = Array.from(
  { length: 32 },
  (_, code) => `\\u${code.toString(16).padStart(4, '0')}`,
).join('');

/** JSON texts that some reader of JSON refuses, cuts or misreads. */
const oddities: Readonly<Record<string, string>> = {
  nul: `"a${NUL}b"`,
  half: `"a${HALF}b"`,
  otherHalf: `"${OTHER_HALF}${HALF}"`,
  oddKeys: `{"${NUL}":1,"${HALF}":2,"":3,"${NUL}${NUL}":{"${OTHER_HALF}":[]}}`,
  prototypes: `{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}`,
  duplicates: `{"a":1,"a":"${NUL}","a":{"a":2,"a":3}}`,
  ids: `{"callId":"00000000-0000-0000-0000-000000000000","bridge":"nobody","seq":0,"type":"call.completed"}`,
  quoted: `"\\"callId\\":\\"x\\",\\"bridge\\":\\"x\\""`,
  huge: '[1e400,-1e400,1e-400,1E+99999]',
  digits: `[${'9'.repeat(10_000)},0.${'1'.repeat(10_000)}]`,
  deep: `${'['.repeat(120)}"${NUL}"${']'.repeat(120)}`,
  deepObjects: `${`{"${NUL}":`.repeat(100)}1${'}'.repeat(100)}`,
  long: `"${'x'.repeat(100_000)}${NUL}${HALF}"`,
  controls: `"${controls}"`,
  separators: String.raw`"\u2028\u2029\u0085\r\n\ndata: x\n\nid: 7\n\n"`,
  noCharacters: String.raw`"\uffff\ufffe\ufdd0"`,
  empty: '{"":{"":[{"":""}]}}',
};

let folder: string | undefined;
let database: TestDatabase | undefined;
const children: ChildProcess[] = [];

afterEach(async () => {
  for (const child of children.splice(0)) await end(child, 'SIGKILL');
  await database?.drop();
  if (folder !== undefined) await rm(folder, { recursive: true, force: true });
});

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill(signal);
  await gone;
}

interface Door {
  readonly child: ChildProcess;
  send(path: string, body?: string, headers?: Record<string, string>): Promise<Response>;
}

interface Place {
  readonly cwd: string;
  readonly home: string;
  readonly env: Record<string, string>;
}

async function createPlace(): Promise<Place> {
  folder = await mkdtemp(join(tmpdir(), 'drawbridge-text-'));
  database = await createTestDatabase();
  const fixture = (file: string) => ({ command: process.execPath, args: [join(servers, file)] });
  await writeFile(
    join(folder, 'mcp.config.json'),
    JSON.stringify({
      mcpServers: { mirror: fixture('mirror.mjs'), fixture: fixture('legacy-server.mjs') },
    }),
  );
  const env = {
    PATH: process.env['PATH'] ?? '',
    XDG_STATE_HOME: join(folder, 'state'),
    HOME: folder,
    DRAWBRIDGE_PORT: '0',
    DATABASE_URL: database.url,
  };
  return { cwd: folder, home: join(folder, 'home'), env };
}

async function start({ cwd, home, env }: Place): Promise<Door> {
  const child = spawn(process.execPath, [command, 'start', '--allow', '--home', home], {
    cwd,
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  children.push(child);
  let said = '';
  child.stderr?.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const url = await vi.waitFor(async () => {
    if (child.exitCode !== null) throw new Error(`it ended: ${said}`);
    const running = readRunningBridge(home);
    if (running?.pid !== child.pid || running?.url === undefined) throw new Error('not yet');
    return running.url;
  }, WAIT);
  const token = (await readFile(join(home, 'token'), 'utf8')).trim();
  return {
    child,
    send: (path, body, headers = {}) =>
      fetch(url + path, {
        headers: {
          Authorization: `Bearer ${token}`,
          'Content-Type': 'application/json',
          Accept: body === undefined ? 'application/json' : 'application/json, text/event-stream',
          ...headers,
        },
        ...(body !== undefined && { method: 'POST', body }),
      }),
  };
}

async function run({ cwd, home, env }: Place, args: readonly string[]): Promise<number | null> {
  const child = spawn(process.execPath, [command, ...args, '--home', home], {
    cwd,
    env,
    stdio: 'ignore',
  });
  const [code] = await once(child, 'exit');
  return code as number | null; // the event's documented argument
}

function call(name: string, args: string, more = '') {
  return `{"jsonrpc":"2.0","id":"${NUL}${HALF}","method":"tools/call","params":{"name":${name},"arguments":${args}${more}}}`;
}

/** Begins a legacy session under a client's name, given as JSON text. */
async function openSession(door: Door, client: string): Promise<Record<string, string>> {
  const answer = await door.send(
    '/mcp',
    `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{"experimental":{"odd":{"value":${client}}}},"clientInfo":{"name":${client},"version":${client}}}}`,
  );
  expect(answer.status).toBe(200);
  await answer.text();
  return { 'Mcp-Session-Id': answer.headers.get('mcp-session-id') ?? '' };
}

async function pages(door: Door): Promise<{ id: string; status: string }[]> {
  const runs: { id: string; status: string }[] = [];
  for (let cursor: string | undefined = ''; cursor !== undefined;) {
    const answer = await door.send(`/v1/runs?limit=50${cursor === '' ? '' : `&cursor=${cursor}`}`);
    expect(answer.status).toBe(200);
    const page = JSON.parse(await answer.text()) as {
      runs: { id: string; status: string }[];
      nextCursor?: string;
    };
    runs.push(...page.runs);
    cursor = page.nextCursor;
  }
  return runs;
}

interface ReadEvent {
  readonly seq: number;
  readonly type: string;
  readonly payload: { readonly callId?: string; readonly outcome?: string };
}

async function readPages(door: Door, run: string): Promise<readonly ReadEvent[]> {
  const answer = await door.send(`/v1/runs/${run}/events?limit=1000`);
  expect(answer.status).toBe(200);
  return (JSON.parse(await answer.text()) as { events: ReadEvent[] }).events;
}

async function readStream(door: Door, run: string, count: number): Promise<readonly ReadEvent[]> {
  const answer = await door.send(`/v1/runs/${run}/events`, undefined, {
    Accept: 'text/event-stream',
  });
  const events: ReadEvent[] = [];
  let text = '';
  for await (const chunk of (answer.body ?? new ReadableStream()).pipeThrough(
    new TextDecoderStream(),
  )) {
    text += chunk;
    const frames = text.split('\n\n');
    text = frames.pop() ?? '';
    for (const frame of frames) {
      const data = frame
        .split('\n')
        .filter((line) => line.startsWith('data: '))
        .map((line) => line.slice(6));
      if (data.length > 0) events.push(JSON.parse(data.join('\n')) as ReadEvent);
    }
    if (events.length >= count) break;
  }
  return events;
}

test(
  'whatever text a killed bridge left in the log, the next start ends its calls, and everything reads it',
  async () => {
    const place = await createPlace();
    const first = await start(place);
    await vi.waitFor(async () => {
      const { servers: all } = JSON.parse(await (await first.send('/v1/servers')).text()) as {
        servers: { toolCount: number }[];
      };
      expect(all.every(({ toolCount }) => toolCount > 0)).toBe(true);
    }, WAIT);

    const underWay: Promise<unknown>[] = [];
    for (const [name, odd] of Object.entries(oddities)) {
      const isText = odd.startsWith('"');
      const label = isText ? odd : `"${name}"`;
      const session = await openSession(first, label);
      const tool = name === 'long' ? '"missing"' : label;
      const answered = [
        first.send('/mcp', call(tool, `{"odd":${odd}}`), session),
        first.send(
          '/mcp',
          call(
            '"mirror__mirror"',
            `{"answer":{"raw":${JSON.stringify(`{"content":[],"structuredContent":{"odd":${odd}}}`)}}}`,
          ),
          session,
        ),
        first.send(
          '/mcp',
          call(
            '"mirror__mirror"',
            `{"answer":{"error":{"code":-32000,"message":"no","data":${odd}}}}`,
          ),
          session,
        ),
        first.send('/v1/tools/mirror__mirror/call', `{"arguments":{"odd":${odd}}}`, {
          'Idempotency-Key': `key-${name}`,
          'User-Agent': 'odd',
        }),
      ];
      for (const { status, text } of await Promise.all(
        answered.map(async (sent) => {
          const answer = await sent;
          return { status: answer.status, text: await answer.text() };
        }),
      )) {
        expect({ isAnswered: status < 500, text: text.slice(0, 200) }).toMatchObject({
          isAnswered: true,
        });
      }
      underWay.push(
        first
          .send(
            '/mcp',
            call(
              '"fixture__slow"',
              `{"ms":600000,"odd":${odd}}`,
              `,"_meta":{"progressToken":${label},"odd":${odd}}`,
            ),
            session,
          )
          .then((answer) => answer.text())
          .catch(() => undefined),
        first
          .send('/v1/tools/fixture__slow/call', `{"arguments":{"ms":600000,"odd":${odd}}}`)
          .catch(() => undefined),
      );
    }
    const expected = Object.keys(oddities).length;
    await vi.waitFor(async () => {
      const { servers: all } = JSON.parse(await (await first.send('/v1/servers')).text()) as {
        servers: { name: string; inFlight: number }[];
      };
      expect(all.find(({ name }) => name === 'fixture')?.inFlight).toBe(2 * expected);
    }, WAIT);
    await end(first.child, 'SIGKILL');
    await Promise.all(underWay);

    const second = await start(place);
    const runs = await pages(second);

    let lost = 0;
    for (const { id } of runs) {
      const events = await readPages(second, id);
      expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
      expect(await readStream(second, id, events.length)).toEqual(events);
      const ends = new Set(
        events.flatMap(({ type, payload }) =>
          /^call\.(?:completed|failed|denied|cancelled)$/.test(type) ? [payload.callId] : [],
        ),
      );
      const begun = events.filter(({ type }) => type === 'call.started');
      expect(begun.filter(({ payload }) => !ends.has(payload.callId))).toEqual([]);
      lost += events.filter(({ payload }) => payload.outcome === 'unknown').length;
    }
    expect(lost).toBe(2 * expected);
    expect(runs.filter(({ status }) => status === 'failed')).toHaveLength(expected);

    const file = join(place.cwd, 'log.backup');
    expect(await run(place, ['backup', file])).toBe(0);
    expect(await run(place, ['prune', '--older-than', '0d'])).toBe(0);
    await end(second.child, 'SIGTERM');
    expect(await run(place, ['restore', file, '--force'])).toBe(0);
    const third = await start(place);
    const restored = await pages(third);
    expect(restored.length).toBeGreaterThanOrEqual(runs.length);
    for (const { id } of runs) {
      expect((await readPages(third, id)).length).toBeGreaterThan(0);
    }
  },
  LONG,
);

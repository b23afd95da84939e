import type { RunEvent } from '@drawbridge/schemas';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  type Answer,
  createHttpFixture,
  openEvents,
  sendJson,
} from '../stdio-proxy/http-fixture.ts';
import { type RunOptions, runCommand } from './terminal-fixture.ts';

// Times are told in the reader's zone.
process.env['TZ'] = 'Asia/Kolkata';

const RUN = '0199d7a4-0000-7000-8000-0000000000aa';
let seq = 0;
function event(type: string, payload: Record<string, unknown>, durationMs?: number): RunEvent {
  return {
    runId: RUN,
    seq: (seq += 1),
    type,
    version: 1,
    at: '2026-11-21T10:00:00.123Z',
    payload,
    ...(durationMs !== undefined && { durationMs }),
  };
}
function started(callId: string, name: string, args: unknown = {}) {
  return event('call.started', {
    callId,
    method: 'tools/call',
    name,
    arguments: { inline: args },
    upstream: name.split('__')[0],
    readOnly: true,
    principal: 'p1',
    client: 'ide/1.0',
    era: 'modern',
  });
}
function completed(callId: string, text: string, outcome = 'result') {
  return event(
    'call.completed',
    { callId, outcome, result: { inline: { content: [{ type: 'text', text }] } }, size: 9 },
    12.34,
  );
}

async function run(answer: Answer, argv: readonly string[], options: RunOptions = {}) {
  const http = await createHttpFixture(answer);
  onTestFinished(http.close);
  const env = { DRAWBRIDGE_URL: http.url, DRAWBRIDGE_TOKEN: 'k' };
  return { ...(await runCommand(argv, { ...options, env })), asked: http.asked };
}

/** Tails a stream of these events, and stops once `last` was printed. */
async function tail(events: readonly RunEvent[], last: string, argv: readonly string[] = []) {
  const stop = new AbortController();
  const ran = await run(
    (_asked, response) => {
      openEvents(response);
      for (const one of events) response.write(`id: c${one.seq}\ndata: ${JSON.stringify(one)}\n\n`);
    },
    ['tail', ...argv],
    {
      signal: stop.signal,
      onOutput: (text) => {
        if (text.includes(last)) stop.abort();
      },
    },
  );
  expect(ran.code).toBe(0);
  return ran.stdout;
}

describe('drawbridge tail', () => {
  it('tells overlapping calls each in two lines when they end', async () => {
    const out = await tail(
      [
        started('1', 'git__log', { path: '.' }),
        started('2', 'fs__read', { path: 'a' }),
        completed('2', 'line one\nline two'),
        completed('1', 'bad ref', 'tool_error'),
      ],
      'bad ref',
    );
    expect(out).toBe(
      [
        '15:30:00.123 000000aa ide/1.0 fs read {"path":"a"}',
        '  ✓ 12 ms line one line two',
        '15:30:00.123 000000aa ide/1.0 git log {"path":"."}',
        '  ✗ tool error 12 ms bad ref',
        '',
      ].join('\n'),
    );
  });

  it('tells failures, cancellations, denials, questions and refused keys apart', async () => {
    const out = await tail(
      [
        started('1', 'a__x'),
        event(
          'call.failed',
          { callId: '1', outcome: 'timed_out', error: { code: 1, message: 'late' } },
          60_000,
        ),
        started('2', 'a__x'),
        event('call.cancelled', { callId: '2', reason: 'enough' }, 5),
        event('call.denied', { ...started('3', 'a__rm').payload, reason: 'not allowed' }, 1),
        started('4', 'a__x'),
        event('call.input_required', { callId: '4', requests: { inline: { q: 1 } } }),
        event('auth.failed', { reason: 'auth/invalid', count: 3 }),
        event('catalog.changed', { upstream: 'a', added: ['n'], removed: [], changed: [] }),
      ],
      'catalog',
    );
    expect(out).toContain('  ✗ timed out 60.0 s late\n');
    expect(out).toContain('  ⊘ cancelled 5.0 ms enough\n');
    expect(out).toContain('a rm {}\n  ✗ denied 1.0 ms not allowed\n');
    expect(out).toContain('  ? asks {"q":1}\n');
    expect(out).toContain('refused auth/invalid, 3 times\n');
    expect(out).toContain('catalog a: 1 added, 0 removed, 0 changed\n');
  });

  it('shows no control characters of what servers and callers wrote', async () => {
    const out = await tail(
      [
        started('1', 'a__x', { text: '\u001b[2J' }),
        completed('1', '\u001b]0;title\u0007 \u202eevil'),
      ],
      'evil',
    );
    for (const character of ['\u001b', '\u0007', '\u202e']) expect(out).not.toContain(character);
  });

  it('tells the end of a call that began before it came', async () => {
    const out = await tail([completed('1', 'late to the party')], 'late');
    expect(out).toBe(
      '15:30:00.123 000000aa a call that began earlier\n  ✓ 12 ms late to the party\n',
    );
  });

  it('shows one server only', async () => {
    const out = await tail(
      [started('1', 'a__x'), started('2', 'b__x'), completed('1', 'A'), completed('2', 'B')],
      'B',
      ['--server', 'b'],
    );
    expect(out).toContain('B');
    expect(out).not.toContain('A');
  });

  it('prints events as they are with --raw', async () => {
    const events = [started('1', 'a__x'), completed('1', 'A')];
    const out = await tail(events, 'call.completed', ['--raw']);
    expect(
      out
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual(events);
  });

  it('goes on after the last event when the stream breaks off', async () => {
    const stop = new AbortController();
    let connections = 0;
    const ran = await run(
      ({ headers }, response) => {
        connections += 1;
        openEvents(response);
        if (connections === 1) {
          response.write(`id: c7\ndata: ${JSON.stringify(started('1', 'a__x'))}\n\n`);
          setTimeout(() => response.destroy(), 20);
          return;
        }
        expect(headers['last-event-id']).toBe('c7');
        response.write(`id: c8\ndata: ${JSON.stringify(completed('1', 'at last'))}\n\n`);
      },
      ['tail'],
      {
        signal: stop.signal,
        onOutput: (text) => {
          if (text.includes('at last')) stop.abort();
        },
      },
    );
    expect(ran.stdout).toContain('✓ 12 ms at last');
    expect(ran.stderr).toContain('trying again');
  });

  it('ends with the run it follows', async () => {
    const ran = await run(
      ({ path }, response) => {
        expect(path).toBe(`/v1/runs/${RUN}/events`);
        openEvents(response);
        response.write(`id: 1\ndata: ${JSON.stringify(started('1', 'a__x'))}\n\n`);
        response.end(`id: 2\ndata: ${JSON.stringify(completed('1', 'done'))}\n\n`);
      },
      ['tail', '--run', RUN],
    );
    expect(ran).toMatchObject({ code: 0 });
    expect(ran.stdout).toContain('done');
  });
});

describe('drawbridge runs', () => {
  const one = {
    id: RUN,
    project: 'default',
    createdBy: 'p1',
    kind: 'rest',
    title: 'git__log',
    status: 'completed',
    client: 'curl/8',
    lastSeq: 2,
    startedAt: '2026-11-21T10:00:00.000Z',
  };

  it('lists as many as asked for, over pages', async () => {
    const ran = await run(
      (_asked, response) => sendJson(response, { runs: [one, one], nextCursor: 'n' }),
      ['runs', '-n', '3', '--status', 'completed'],
    );
    expect(ran.asked.map(({ path }) => path)).toEqual([
      '/v1/runs?status=completed&limit=3',
      '/v1/runs?status=completed&limit=3&cursor=n',
    ]);
    expect(ran.stdout.trimEnd().split('\n')).toHaveLength(3);
    expect(ran.stdout).toContain(
      `${RUN}  2026-11-21 15:30:00  completed  rest  2 events  curl/8  git__log`,
    );
  });

  it('shows one with its calls, those without an end too', async () => {
    const events = [started('1', 'a__x'), completed('1', 'A'), started('2', 'a__y')];
    const ran = await run(
      ({ path }, response) => {
        if (!path.includes('/events')) return sendJson(response, one);
        const isFirst = path.includes('after=0');
        return sendJson(
          response,
          isFirst ? { events: events.slice(0, 2), nextAfter: 2 } : { events: events.slice(2) },
        );
      },
      ['runs', RUN],
    );
    expect(ran.stdout).toContain('✓ 12 ms A');
    expect(ran.stdout).toContain('a y {} …');
  });
});

// Requests of an attacker over node:http. Each is counted by how it ended: the status and the bridge's
// own code, or what happened to the connection.
import { Agent, type IncomingMessage, type RequestOptions, request } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import type { AttackContext } from './attack.ts';

export interface Asked {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  /** Absent: a connection for each request. */
  readonly agent?: Agent;
  /** The caller goes away after this long. */
  readonly leaveAfterMs?: number;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  /** The beginning of it. */
  readonly text: string;
}

const ANSWER_MS = 30_000;
const REFUSED_PAUSE_MS = 100;
/** Enough to find a code in it. */
const READ_CHARACTERS = 8_192;

/** Undefined where no answer came. */
export async function ask(context: AttackContext, asked: Asked): Promise<Answer | undefined> {
  const { answer, kind } = await exchange(context, asked);
  context.count(kind);
  // Nobody listens: a loop that asks again at once would only burn the machine.
  if (kind === 'ECONNREFUSED') await wait(REFUSED_PAUSE_MS);
  return answer;
}

interface Exchanged {
  readonly answer?: Answer;
  readonly kind: string;
}

function exchange(
  { url, signal }: AttackContext,
  { method = 'POST', path = '/mcp', headers = {}, body, agent, leaveAfterMs }: Asked,
): Promise<Exchanged> {
  return new Promise((resolve) => {
    const { hostname, port } = new URL(url);
    const options: RequestOptions = {
      host: hostname,
      port,
      method,
      path,
      agent: agent ?? false,
      headers: {
        ...(body !== undefined && { 'Content-Length': String(Buffer.byteLength(body)) }),
        ...headers,
      },
    };
    let whyEnded: string | undefined;
    let isAnswered = false;
    const timer = setTimeout(
      () => end(leaveAfterMs === undefined ? 'no answer in 30 s' : 'left'),
      leaveAfterMs ?? ANSWER_MS,
    );
    const finish = (exchanged: Exchanged): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      resolve(exchanged);
    };
    const sent = request(options, (response) => {
      isAnswered = true;
      const { statusCode: status = 0 } = response;
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (part: string) => {
        if (text.length < READ_CHARACTERS) text += part.slice(0, READ_CHARACTERS);
      });
      response.on('close', () => {
        const kind = response.complete
          ? toKind(status, text)
          : (whyEnded ?? `${status}, then cut off`);
        finish({ answer: { status, headers: response.headers, text }, kind });
      });
    });
    const end = (why: string): void => {
      whyEnded ??= why;
      sent.destroy();
      finish({ kind: why });
    };
    const onAbort = (): void => end('open at the end');
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    sent.on('error', (error: NodeJS.ErrnoException) => {
      // An answer that came before all was sent is read to its end.
      if (!isAnswered) finish({ kind: whyEnded ?? error.code ?? error.message });
    });
    sent.end(body);
  });
}

function toKind(status: number, text: string): string {
  const code =
    /"code":"([a-z]+\/[a-z_]+)"/.exec(text)?.[1] ?? /"error":\{"code":(-?\d+)/.exec(text)?.[1];
  return code === undefined ? String(status) : `${status} ${code}`;
}

/** `lanes` workers, each of which does its work again and again until the time is over. */
export async function inLanes(
  { signal }: AttackContext,
  lanes: number,
  work: (lane: number, round: number) => Promise<unknown>,
): Promise<void> {
  await Promise.all(
    Array.from({ length: lanes }, async (_, lane) => {
      for (let round = 0; !signal.aborted && round < MAX_ROUNDS; round += 1) {
        const begun = performance.now();
        await work(lane, round);
        if (performance.now() - begun < 1) await wait(1); // leaves the loop to the others
      }
    }),
  );
}

const MAX_ROUNDS = 1_000_000;

/** Ends early when the time is over. */
export async function pause({ signal }: AttackContext, ms: number): Promise<void> {
  await Promise.race([
    wait(ms),
    new Promise((resolve) => {
      if (signal.aborted) resolve(undefined);
      else signal.addEventListener('abort', resolve, { once: true });
    }),
  ]);
}

export function createKeepAlive(sockets: number): Agent {
  return new Agent({ keepAlive: true, maxSockets: sockets });
}

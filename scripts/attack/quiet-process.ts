// The quiet caller, in a process of its own so that nobody's load but the bridge's delays it. It makes
// one plain call at a time, with a pause between two, and every tenth on a new connection.
import { Agent, type IncomingMessage, request } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { toCallRequest } from './attacks/messages.ts';
import { FAILED_MS, PAUSE_MS, type Sample } from './latencies.ts';
import type { QuietReport, QuietTask } from './workers.ts';

const NEW_CONNECTION_EVERY = 10;
const SHOWN_FAILURES = 3;

process.on('disconnect', () => process.exit(0));
process.once('message', (message) => void serve(message as QuietTask)); // of workers.ts only

async function serve({ url, key, warmCalls }: QuietTask): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const failures = new Map<string, number>();
  let round = 0;
  const callOnce = async (): Promise<Sample> => {
    round += 1;
    const text = `quiet ${round}`;
    const call = toCallRequest(JSON.stringify({ text }), { key, client: 'quiet' });
    const begun = performance.now();
    const isNew = round % NEW_CONNECTION_EVERY === 0;
    const issue = await send(url, { ...call, text, agent: isNew ? false : agent });
    const ms = performance.now() - begun;
    if (issue !== undefined) failures.set(issue, (failures.get(issue) ?? 0) + 1);
    return { ms, isFailure: issue !== undefined };
  };
  const collect = async (isOver: (count: number) => boolean): Promise<Sample[]> => {
    const samples: Sample[] = [];
    while (!isOver(samples.length)) {
      samples.push(await callOnce());
      await wait(PAUSE_MS);
    }
    return samples;
  };

  await callOnce(); // starts its server
  failures.clear();
  const alone = await collect((count) => count >= warmCalls);
  let isOver = false;
  process.on('message', () => (isOver = true));
  process.send?.({ alone } satisfies QuietReport);
  const samples = await collect(() => isOver);
  const why = [...failures]
    .sort(([, a], [, b]) => b - a)
    .slice(0, SHOWN_FAILURES)
    .map(([issue, times]) => `${issue} (${times})`);
  process.send?.({ alone, samples, failures: why } satisfies QuietReport);
}

interface Sent {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly text: string;
  readonly agent: Agent | false;
}

/** Undefined when the answer is the right one, else what it was. */
function send(
  url: string,
  { path, headers, body, text, agent }: Sent,
): Promise<string | undefined> {
  return new Promise((resolve) => {
    const { hostname, port } = new URL(url);
    const length = { 'Content-Length': String(Buffer.byteLength(body)) };
    const sent = request(
      { host: hostname, port, method: 'POST', path, agent, headers: { ...headers, ...length } },
      (response: IncomingMessage) => {
        let answer = '';
        response.setEncoding('utf8');
        response.on('data', (part: string) => (answer += part));
        response.on('error', (error) => resolve(error.message));
        response.on('end', () => {
          const isRight = response.statusCode === 200 && answer.includes(`"text":"${text}"`);
          resolve(isRight ? undefined : `${response.statusCode}: ${answer.slice(0, 200)}`);
        });
      },
    );
    const timer = setTimeout(() => {
      resolve(`no answer in ${FAILED_MS / 1_000} s`);
      sent.destroy();
    }, FAILED_MS);
    sent.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    sent.on('close', () => {
      clearTimeout(timer);
      resolve('the connection closed');
    });
    sent.end(body);
  });
}

// Calls over HTTP with SSE, the transport before Streamable HTTP: requests are POSTed, and all
// answers come back over one stream.
import {
  type Connection,
  type HttpTarget,
  INITIALIZED,
  type Tool,
  toInitialize,
  toToken,
} from './connection.ts';
import { createEventFrames } from './event-frames.ts';
import { createHttpSocket, createRequestWriter } from './http-socket.ts';
import { createSockets } from './sockets.ts';

interface Waiting {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

export async function openSseConnection({ url, headers, prefix }: HttpTarget): Promise<Connection> {
  const endpoint = new URL(url);
  const waiting = new Map<number, Waiting>();
  const answers = createHttpSocket(endpoint);
  const listen = createRequestWriter(endpoint, {
    method: 'GET',
    headers: { accept: 'text/event-stream', ...headers },
  });
  const path = await new Promise<string>((resolve, reject) => {
    const read = createEventFrames((frame) => {
      const text = frame.toString('latin1', 0, 200);
      if (text.startsWith('event: endpoint')) resolve(/^data: (.*)$/m.exec(text)?.[1] ?? '');
      else settle(frame, waiting);
    });
    answers.stream(listen(), read).then(({ status }) => {
      if (status !== 200) reject(new Error(`No stream: ${status}`));
    }, reject);
  });
  const target = new URL(path, endpoint);
  const write = createRequestWriter(target, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
  });
  const sockets = createSockets(target);
  const ask = async (slot: number, id: number, body: string): Promise<void> => {
    const answered = new Promise<void>((resolve, reject) => waiting.set(id, { resolve, reject }));
    const { status, body: said } = await sockets.of(slot).send(write(body));
    if (status >= 300) {
      waiting.delete(id);
      throw new Error(`A call was refused with ${status}: ${said.toString('latin1', 0, 300)}`);
    }
    await answered;
  };
  await ask(0, 0, toInitialize());
  await sockets.of(0).send(write(INITIALIZED));
  return {
    call: (slot: number, tool: Tool, seed: number) =>
      ask(
        slot,
        seed,
        `{"jsonrpc":"2.0","id":${seed},"method":"tools/call","params":{"name":"${prefix}${tool}","arguments":{"seed":${seed}}}}`,
      ),
    rest: sockets.closeAll,
    close() {
      sockets.closeAll();
      answers.close();
      return Promise.resolve();
    },
  };
}

const TEXT = '"text":"k';

/** The seed stands at the beginning of the text, so a good answer needs no parsing. */
function settle(frame: Buffer, waiting: Map<number, Waiting>): void {
  const text = frame.indexOf(TEXT);
  if (text !== -1) {
    const begin = text + TEXT.length - 1;
    const token = frame.toString('latin1', begin, begin + toToken(0).length);
    const id = Number(token.slice(1));
    waiting.get(id)?.resolve();
    waiting.delete(id);
    return;
  }
  const data = frame.toString('latin1').replace(/^[^]*?data: /, '');
  const { id, error } = JSON.parse(data) as { id?: number; error?: { message: string } };
  const asked = waiting.get(id ?? -1);
  waiting.delete(id ?? -1);
  if (error === undefined) asked?.resolve();
  else asked?.reject(new Error(`A call was answered with an error: ${error.message}`));
}

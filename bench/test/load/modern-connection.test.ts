// A wrong answer that counted as one would make whoever gives it look fast.
import { createServer, type Server } from 'node:http';
import { afterEach, expect, test } from 'vitest';
import { toToken } from '../../src/load/connection.ts';
import { createModernConnection } from '../../src/load/modern-connection.ts';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});

async function answering(answer: (seed: number) => { status: number; body: string }) {
  const server = createServer((request, response) => {
    let text = '';
    request.on('data', (chunk: Buffer) => (text += chunk.toString()));
    request.on('end', () => {
      const { params } = JSON.parse(text) as { params: { arguments: { seed: number } } };
      const { status, body } = answer(params.arguments.seed);
      response.writeHead(status).end(body);
    });
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  return createModernConnection({
    wire: 'modern',
    url: `http://127.0.0.1:${port}/mcp`,
    headers: {},
    prefix: 'bench__',
  });
}

test('takes the answer that the seed asked for, on one connection call after call', async () => {
  const connection = await answering((seed) => ({ status: 200, body: `"${toToken(seed)}"` }));
  await expect(connection.call(0, 'small', 1)).resolves.toBeUndefined();
  await expect(connection.call(0, 'small', 2)).resolves.toBeUndefined();
  await connection.close();
});

test('refuses the answer to another seed', async () => {
  const connection = await answering((seed) => ({ status: 200, body: toToken(seed + 1) }));
  await expect(connection.call(0, 'small', 1)).rejects.toThrow('A call was answered with 200');
  await connection.close();
});

test('refuses an error, whatever it holds', async () => {
  const connection = await answering((seed) => ({ status: 500, body: toToken(seed) }));
  await expect(connection.call(0, 'small', 1)).rejects.toThrow('A call was answered with 500');
  await connection.close();
});

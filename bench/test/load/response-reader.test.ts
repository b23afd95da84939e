// A reader that loses its place would measure nothing or hang, so it is fed with every cut there is.
import { expect, test } from 'vitest';
import { createResponseReader } from '../../src/load/response-reader.ts';

function read(parts: readonly Buffer[]): { status: number; body: string }[] {
  const responses: { status: number; body: string }[] = [];
  let status = 0;
  let body = '';
  const push = createResponseReader({
    head: (head) => (status = head.status),
    body: (part) => (body += part.toString()),
    end() {
      responses.push({ status, body });
      body = '';
    },
  });
  for (const part of parts) push(part);
  return responses;
}

const bytes = Buffer.from(
  'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst' +
    'HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n' +
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nsec\r\n3;x=y\r\nond\r\n0\r\nT: 1\r\n\r\n' +
    'HTTP/1.1 204 No Content\r\n\r\n' +
    'HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nlast',
);
const responses = [
  { status: 200, body: 'first' },
  { status: 202, body: '' },
  { status: 200, body: 'second' },
  { status: 204, body: '' },
  { status: 404, body: 'last' },
];

test('reads responses that come in one piece', () => {
  expect(read([bytes])).toEqual(responses);
});

test('reads responses that are cut anywhere', () => {
  for (let cut = 1; cut < bytes.length; cut += 1) {
    expect(read([bytes.subarray(0, cut), bytes.subarray(cut)]), `cut at ${cut}`).toEqual(responses);
  }
});

test('reads responses that come byte by byte', () => {
  expect(read([...bytes].map((byte) => Buffer.from([byte])))).toEqual(responses);
});

test('refuses what is no HTTP, and a body whose end cannot be told', () => {
  expect(() => read([Buffer.from('SSH-2.0-x\r\n\r\n')])).toThrow('no HTTP response');
  expect(() => read([Buffer.from('HTTP/1.1 200 OK\r\nA: b\r\n\r\n')])).toThrow('neither');
});

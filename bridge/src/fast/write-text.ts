// Writes an answer of the fast path: a string, or the parts of one that is too large to be one string.
import type { PacedResponse } from '../edge/paced-response.ts';
import type { FastText } from './fast-response.ts';

export function writeText(response: PacedResponse, text: FastText, requestId: string): void {
  response.writeHead(200, {
    'Content-Type': 'application/json',
    'Content-Length': byteLength(text),
    'X-Request-Id': requestId,
    Vary: 'Origin',
  });
  if (typeof text === 'string') {
    response.end(text);
    return;
  }
  for (const part of text) response.write(part);
  response.end();
}

function byteLength(text: FastText): number {
  if (typeof text === 'string') return Buffer.byteLength(text);
  return text.reduce((sum, part) => sum + Buffer.byteLength(part), 0);
}

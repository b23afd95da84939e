// What the measured servers answer: a text of 16 bytes or of 64 KB that differs for each seed, so
// that nothing on the way can answer from memory or write a body once for many calls.
import { randomBytes } from 'node:crypto';

const LARGE_BYTES = 64 * 1024;

/** Twice as long as an answer, so that each is cut from another place of it. */
const filling = randomBytes(LARGE_BYTES * 2)
  .toString('base64url')
  .slice(0, LARGE_BYTES * 2);

const inputSchema = {
  type: 'object',
  properties: { seed: { type: 'integer' } },
  required: ['seed'],
};

export const tools = [
  { name: 'small', description: 'Answers 16 bytes that name the seed.', inputSchema },
  {
    name: 'large',
    description: 'Answers 64 KB that begin with the name of the seed.',
    inputSchema,
  },
];

const toToken = (seed) => `k${String(seed).padStart(15, '0')}`;

export function answer(tool, seed) {
  const token = toToken(seed);
  if (tool === 'small') return token;
  const begin = (seed * 61) % LARGE_BYTES;
  return token + filling.slice(begin, begin + LARGE_BYTES - token.length);
}

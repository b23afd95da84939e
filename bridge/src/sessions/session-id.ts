// The ids of legacy sessions: the run's id and a MAC over it. Any bridge with the same secret, also one that has
// just started, can check an id without asking the store, and nobody can guess one.
import { createHmac, timingSafeEqual } from 'node:crypto';
import { parse, stringify } from 'uuid';

const MAC_BYTES = 16;

export function toSessionId(runId: string, secret: string): string {
  const id = Buffer.from(parse(runId));
  return `${id.toString('base64url')}.${mac(id, secret).toString('base64url')}`;
}

/** The run's id; undefined when the session id was not made with this secret. */
export function fromSessionId(text: string, secret: string): string | undefined {
  const [, head, tail] = /^([A-Za-z0-9_-]{22})\.([A-Za-z0-9_-]{22})$/.exec(text) ?? [];
  if (head === undefined || tail === undefined) return undefined;
  const id = Buffer.from(head, 'base64url');
  if (!timingSafeEqual(Buffer.from(tail, 'base64url'), mac(id, secret))) return undefined;
  return stringify(id);
}

function mac(id: Buffer, secret: string): Buffer {
  return createHmac('sha256', secret).update('session').update(id).digest().subarray(0, MAC_BYTES);
}

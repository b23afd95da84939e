// What a request through the proxy needs of the proxy it came to.
import type { Socket } from 'node:net';
import type { Connect } from './connection.ts';

/** Of requests and of answers. */
export const MAX_HEADER_BYTES = 64 * 1024;

/** Of a request that names no host and port in a form that is read. */
export const NO_TARGET = 'no host';

export interface ProxyRun {
  checkUrl: (url: string) => URL;
  connect: Connect;
  idleMs: number;
  connectMs: number;
  /** Ends with the proxy. */
  signal: AbortSignal;
  /** Ends the socket with the proxy. */
  track: (socket: Socket) => void;
  refuse: (target: string, error: unknown) => void;
}

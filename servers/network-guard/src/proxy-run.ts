// What a request through the proxy needs of the proxy it came to.
import type { Socket } from 'node:net';
import type { Connect } from './connection.ts';

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

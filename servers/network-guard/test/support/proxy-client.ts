// Speaks to a proxy in bytes, so that a test says exactly what a program would send.
import { connect, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import type { NetworkGuard, Proxy, ProxyOptions } from '../../src/index.ts';

export interface ProxyUnderTest extends Proxy {
  port: number;
  /** The header with the proxy's credentials, its line break included. */
  credentials: string;
}

export function toCredentials(user: string, password: string): string {
  const text = Buffer.from(`${user}:${password}`).toString('base64');
  return `Proxy-Authorization: Basic ${text}\r\n`;
}

/** Closed with its guard. */
export async function openTestProxy(
  guard: NetworkGuard,
  options: ProxyOptions = {},
): Promise<ProxyUnderTest> {
  const proxy = await guard.openProxy(options);
  const { port, username, password } = new URL(proxy.url);
  return { ...proxy, port: Number(port), credentials: toCredentials(username, password) };
}

export interface RawClient {
  socket: Socket;
  /** What has come so far. */
  received: () => string;
  /** Everything until the other side ended or broke off. */
  ended: Promise<string>;
}

export function openRaw(port: number, text = ''): RawClient {
  const socket = connect({ host: '127.0.0.1', port });
  onTestFinished(() => {
    socket.destroy();
  });
  let all = '';
  socket.setEncoding('latin1');
  socket.on('data', (chunk: string) => {
    all += chunk;
  });
  // A connection that is broken off has ended as well.
  socket.on('error', () => socket.destroy());
  const ended = new Promise<string>((resolve) => {
    socket.once('close', () => resolve(all));
  });
  if (text !== '') socket.write(text);
  return { socket, received: () => all, ended };
}

// Bare connections, for attacks below HTTP: bytes as the attack likes them, and answers that nobody
// reads. What became of each is counted.
import { type Socket, connect } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import type { AttackContext } from './attack.ts';

const CONNECT_MS = 10_000;

export interface OpenOptions {
  /** Answers stay in the connection, unread. */
  readonly isUnread?: boolean;
  /** Goes on reading after its own side is closed. */
  readonly allowHalfOpen?: boolean;
}

/** Undefined where no connection was made. An answer's first line and the end are counted. */
export async function openSocket(
  { url, count, signal }: AttackContext,
  { isUnread = false, allowHalfOpen = false }: OpenOptions = {},
): Promise<Socket | undefined> {
  if (signal.aborted) return undefined;
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), allowHalfOpen });
  if (isUnread) socket.pause();
  let answers = 0;
  if (!isUnread) {
    socket.on('data', (part: Buffer) => {
      for (const [, status] of part.toString('latin1').matchAll(/HTTP\/1\.1 (\d{3})/g)) {
        answers += 1;
        count(`${status}`);
      }
    });
  }
  let failure: string | undefined;
  socket.on('error', (error: NodeJS.ErrnoException) => (failure = error.code ?? error.message));
  socket.on('close', () => {
    if (isOurs.has(socket)) return;
    if (failure !== undefined) count(failure);
    else if (answers === 0) count('closed by the bridge without an answer');
  });
  const timer = setTimeout(() => socket.destroy(), CONNECT_MS);
  const isOpen = await new Promise<boolean>((resolve) => {
    socket.once('connect', () => resolve(true));
    socket.once('close', () => resolve(false));
  });
  clearTimeout(timer);
  if (isOpen) {
    count('connected');
    return socket;
  }
  await wait(100); // who is refused does not ask again at once
  return undefined;
}

const isOurs = new WeakSet<Socket>();

/** The attacker ends it; that is no doing of the bridge. */
export function leave(socket: Socket): void {
  isOurs.add(socket);
  socket.destroy();
}

/** Writes as fast as the other side reads; false when the connection ended before. */
export async function send(socket: Socket, bytes: Buffer): Promise<boolean> {
  for (let at = 0; at < bytes.length; at += PART_BYTES) {
    if (socket.destroyed || socket.writableEnded) return false;
    if (socket.write(bytes.subarray(at, at + PART_BYTES))) continue;
    const isRead = await new Promise<boolean>((resolve) => {
      const onDrain = (): void => settle(true);
      const onClose = (): void => settle(false);
      const settle = (isRead: boolean): void => {
        socket.off('drain', onDrain);
        socket.off('close', onClose);
        resolve(isRead);
      };
      socket.once('drain', onDrain);
      socket.once('close', onClose);
    });
    if (!isRead) return false;
  }
  return !socket.destroyed;
}

const PART_BYTES = 64 * 1024;

export function whenClosed(socket: Socket): Promise<void> {
  return socket.destroyed
    ? Promise.resolve()
    : new Promise((resolve) => socket.once('close', () => resolve()));
}

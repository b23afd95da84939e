// What the bench knows of a contender: how to start it in front of the same stdio server, and how to
// reach it then.
import { join } from 'node:path';
import type { Target } from '../load/connection.ts';
import type { RunningProcess } from '../running-process.ts';

export interface Contender {
  readonly name: string;
  /** Its version, what it speaks, and what was chosen in its favour. */
  readonly about: string;
  /** For start after start in the same folder, whose first may take longer. */
  start(place: Place): Promise<Started>;
}

export interface Place {
  /** Its own, empty at the first start. */
  readonly folder: string;
  /** A free one. */
  readonly port: number;
}

export interface Started {
  readonly target: Target;
  /** Nothing where the load generator starts the server itself. */
  readonly process?: RunningProcess;
}

function server(name: string): string {
  return join(import.meta.dirname, '../server', name);
}

export const STDIO_SERVER = server('stdio-server.mjs');
export const HTTP_SERVER = server('http-server.mjs');

/** The same server as MCP clients' settings name it; its tools are then `bench__small` and so on. */
export const SERVER_SETTINGS = { bench: { command: process.execPath, args: [STDIO_SERVER] } };
export const SERVER_PREFIX = 'bench__';

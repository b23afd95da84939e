// Which bridge a command talks to, and with which key: what `--url` and `--token` say, else what the
// home holds.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Exchange, createExchange } from '../../http-client/exchange.ts';
import { assertTrusted, findHome } from '../../settings/homes.ts';
import { readRunningBridge } from '../../store/home-lock.ts';
import { type BridgeClient, createBridgeClient } from '../bridge-client.ts';
import { CommandFailure, EXIT_USAGE } from '../failure.ts';
import type { Terminal } from '../terminal.ts';

export interface ConnectionOptions {
  readonly url?: string;
  readonly token?: string;
  readonly home?: string;
}

/** Files of a home that hold a key. */
export type KeyFile = 'token' | 'member-token';

/** Runs `work` with a client of the bridge and closes the connections after it. */
export async function withBridge<T>(
  terminal: Terminal,
  options: ConnectionOptions,
  work: (client: BridgeClient) => Promise<T>,
): Promise<T> {
  const exchange: Exchange = createExchange();
  try {
    const { url = terminal.env['DRAWBRIDGE_URL'] ?? findBridge(homeOf(terminal, options)) } =
      options;
    const token =
      options.token ??
      terminal.env['DRAWBRIDGE_TOKEN'] ??
      (await readKey(homeOf(terminal, options), 'token'));
    return await work(createBridgeClient({ url, token, exchange, signal: terminal.signal }));
  } finally {
    await exchange.close();
  }
}

/** The home's path. @throws DrawbridgeError `home/foreign` for one that only lies there. */
export function homeOf({ env, cwd }: Terminal, { home }: ConnectionOptions): string {
  const found = findHome({ env, cwd, home });
  assertTrusted(found);
  return found.path;
}

function findBridge(home: string): string {
  const running = readRunningBridge(home);
  if (running?.url !== undefined) return running.url;
  throw new CommandFailure(`No bridge runs for ${home}.`, {
    hint: 'Start it with `drawbridge start`, go to the folder it was started in, or give --home, or --url and --token.',
  });
}

/** A key that the home holds. */
export async function readKey(home: string, file: KeyFile): Promise<string> {
  const path = join(home, file);
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new CommandFailure(
      error.code === 'ENOENT'
        ? `${path} does not exist.`
        : `${path} cannot be read: ${error.message}`,
      {
        hint: 'The first start of a bridge makes it. Give a key with --token otherwise.',
        exitCode: EXIT_USAGE,
        cause: error,
      },
    );
  });
  return text.trim();
}

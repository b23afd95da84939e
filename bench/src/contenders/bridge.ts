// Drawbridge as a user starts it: from its bundle, with its own PostgreSQL, the log on and durable.
import { spawnSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { type RunningProcess, startProcess } from '../running-process.ts';
import { type Contender, SERVER_PREFIX, SERVER_SETTINGS } from './contender.ts';

const OWN_ROOT = join(import.meta.dirname, '../../..');

export interface BridgeOptions {
  readonly name: string;
  /**
   * What the settings say of the tools. A call of a tool that is read-only is written down once, with
   * its answer; of any other it is written down before it is sent, too.
   */
  readonly effect: 'read' | 'unknown';
  /** The checkout that is started; this one by default. */
  readonly root?: string;
}

export function createBridgeContender({ name, effect, root = OWN_ROOT }: BridgeOptions): Contender {
  return {
    name,
    about:
      effect === 'read'
        ? 'Drawbridge (2026-07-28), durable log, tools known as read-only: one commit before the answer'
        : 'Drawbridge (2026-07-28), durable log, tools not known: one commit before the call, one before the answer',
    async start({ folder, port }) {
      bundle(root);
      await writeFile(
        join(folder, 'mcp.config.json'),
        JSON.stringify({
          mcpServers: SERVER_SETTINGS,
          drawbridge: {
            servers: {
              bench: effect === 'read' ? { effects: { small: 'read', large: 'read' } } : {},
            },
          },
        }),
      );
      const home = join(folder, 'home');
      const started = startProcess({
        command: process.execPath,
        args: [
          join(root, 'bin/drawbridge.js'),
          'start',
          '--allow',
          '--port',
          String(port),
          '--home',
          home,
          '--log-level',
          'warn',
        ],
        cwd: folder,
        env: {
          DATABASE_URL: '',
          DRAWBRIDGE_HOME: '',
          DRAWBRIDGE_HOST: '',
          DRAWBRIDGE_PORT: '',
          XDG_STATE_HOME: join(folder, 'state'),
        },
      });
      const token = await readToken(home, started);
      return {
        process: started,
        target: {
          wire: 'modern',
          url: `http://127.0.0.1:${port}/mcp`,
          headers: { authorization: `Bearer ${token}` },
          prefix: SERVER_PREFIX,
        },
      };
    },
  };
}

/** As `npm start` does before it starts; nothing happens where the bundles are newer than the sources. */
function bundle(root: string): void {
  const { status, stderr } = spawnSync(process.execPath, [join(root, 'scripts/bundle.mjs')], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`The bundles could not be made: ${stderr}`);
}

/** The operator's key; the first start makes it. */
async function readToken(home: string, { died }: RunningProcess): Promise<string> {
  const path = join(home, 'token');
  for (;;) {
    try {
      return (await readFile(path, 'utf8')).trim();
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
      await Promise.race([wait(5), died]);
    }
  }
}

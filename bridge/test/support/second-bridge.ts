// A second bridge on the database of a test's bridge, in a process of its own: two bridges of one
// process would take each other for dead.
import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { TestBridge } from './bridge.ts';

export interface SecondBridge {
  readonly request: TestBridge['request'];
  stop(): void;
  resume(): void;
  kill(): void;
  close(): Promise<void>;
}

export async function startSecondBridge(
  bridge: Pick<TestBridge, 'folder' | 'databaseUrl'>,
): Promise<SecondBridge> {
  const home = join(bridge.folder, 'second');
  mkdirSync(home);
  const script = join(import.meta.dirname, 'servers/second-bridge.ts');
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', script, home, join(bridge.folder, 'mcp.config.json'), bridge.databaseUrl],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout.once('data', (line: Buffer) => resolve(line.toString().trim()));
    child.once('exit', (code) => reject(new Error(`the second bridge ended (${code})`)));
  });
  return {
    request(path, { key, ...init } = {}) {
      const headers = new Headers(init.headers);
      headers.set('Authorization', `Bearer ${key}`);
      if (init.body !== undefined) headers.set('Content-Type', 'application/json');
      return fetch(url + path, { ...init, headers });
    },
    stop: () => void child.kill('SIGSTOP'),
    resume: () => void child.kill('SIGCONT'),
    kill: () => void child.kill('SIGKILL'),
    async close() {
      child.removeAllListeners('exit');
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = new Promise((resolve) => {
        child.once('exit', resolve);
      });
      child.kill('SIGCONT');
      child.stdin.end();
      await ended;
    },
  };
}

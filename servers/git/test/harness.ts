// A temporary root, a client on it, and the plain git of the tests themselves.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { writeFileSync } from 'node:fs';
import { onTestFinished } from 'vitest';
import { connect, toCallerMeta } from '@drawbridge/kit/testing';
import { createDefinition } from '../src/server.ts';

const KEY = 'the key of the bridge';

export interface Answer {
  text: string;
  isError: boolean;
  output: Record<string, unknown>;
}

export interface Workbench {
  /** Holds `root`, and what lies outside of it. */
  base: string;
  root: string;
  call(name: string, args?: Record<string, unknown>, signal?: AbortSignal): Promise<Answer>;
  client: Awaited<ReturnType<typeof connect>>['client'];
}

export interface WorkbenchOptions {
  env?: (base: string) => NodeJS.ProcessEnv;
  roots?: (base: string) => string[];
  /** What the bridge names as not to be written. */
  readOnly?: (base: string) => string[];
  era?: 'modern' | 'legacy';
}

export function temporaryFolder(): string {
  const base = realpathSync(mkdtempSync(join(tmpdir(), 'drawbridge-git-')));
  onTestFinished(() => rmSync(base, { recursive: true, force: true }));
  return base;
}

/** Plain git, as its user would run it, but for the user's own settings. */
export function git(folder: string, ...args: string[]): string {
  return execFileSync('git', args, {
    cwd: folder,
    encoding: 'utf8',
    timeout: 15_000,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env['PATH'],
      HOME: folder,
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_CONFIG_GLOBAL: '/dev/null',
      GIT_TERMINAL_PROMPT: '0',
      GIT_EDITOR: ':',
    },
  });
}

export function write(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
}

export function makeRepository(
  folder: string,
  files: Readonly<Record<string, string>> = {},
): string {
  mkdirSync(folder, { recursive: true });
  git(folder, 'init', '--quiet', '-b', 'main');
  git(folder, 'config', 'user.name', 'Ann');
  git(folder, 'config', 'user.email', 'ann@example.com');
  if (Object.keys(files).length > 0) commitFiles(folder, 'first', files);
  return folder;
}

export function commitFiles(
  folder: string,
  message: string,
  files: Readonly<Record<string, string>>,
): string {
  write(folder, files);
  git(folder, 'add', '--all');
  git(folder, 'commit', '--quiet', '-m', message);
  return git(folder, 'rev-parse', 'HEAD').trim();
}

/** Everything it opens is gone when the test is over. */
export async function openWorkbench({
  env,
  roots = (base) => [join(base, 'root')],
  readOnly,
  era = 'modern',
}: WorkbenchOptions = {}): Promise<Workbench> {
  const base = temporaryFolder();
  mkdirSync(join(base, 'root'));
  const folders = roots(base);
  const definition = createDefinition({
    PATH: process.env['PATH'],
    HOME: join(base, 'user'),
    DRAWBRIDGE_SERVER_STATE: join(base, 'state'),
    ...env?.(base),
  });
  const { client, close } = await connect(definition, { era, roots: folders, bridgeKey: KEY });
  onTestFinished(close);
  const identity = { tenant: 't', principal: 'p', project: 'j', run: 'r', roots: folders };
  const meta =
    readOnly === undefined
      ? {}
      : { _meta: toCallerMeta({ key: KEY, ...identity, readOnly: readOnly(base) }) };
  return {
    base,
    root: join(base, 'root'),
    client,
    async call(name, args = {}, signal) {
      const result = await client.callTool(
        { name, arguments: args, ...meta },
        signal === undefined ? {} : { signal },
      );
      const [first] = result.content;
      return {
        text: first?.type === 'text' ? first.text : '',
        isError: result.isError === true,
        // Checked by the client against the tool's output schema.
        output: (result.structuredContent ?? {}) as Record<string, unknown>,
      };
    },
  };
}

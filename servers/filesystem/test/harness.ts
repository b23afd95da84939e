// A temporary root and a client on it.
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { connect, toCallerMeta } from '@drawbridge/kit/testing';
import { createDefinition } from '../src/server.ts';

const KEY = 'the key of the bridge';

export interface Answer {
  text: string;
  isError: boolean;
  output: Record<string, unknown>;
  content: readonly Record<string, unknown>[];
}

export interface Workbench {
  /** Holds `root`, and what lies outside of it. */
  base: string;
  root: string;
  call(name: string, args?: Record<string, unknown>): Promise<Answer>;
  client: Awaited<ReturnType<typeof connect>>['client'];
}

export interface WorkbenchOptions {
  roots?: (base: string) => string[];
  home?: (base: string) => string;
  env?: (base: string) => NodeJS.ProcessEnv;
  /** What the bridge names as not to be written. */
  readOnly?: (base: string) => string[];
  era?: 'modern' | 'legacy';
  /** Where the temporary folder is made. */
  parent?: string | undefined;
}

export async function temporaryFolder(parent: string = tmpdir()): Promise<string> {
  const base = await realpath(await mkdtemp(join(parent, 'drawbridge-fs-')));
  onTestFinished(() => rm(base, { recursive: true, force: true }));
  return base;
}

/** A named pipe, which no module of Node makes. */
export function makePipe(path: string): void {
  return void execFileSync('/bin/sh', ['-c', 'mkfifo "$0"', path]);
}

/** Everything it opens is gone when the test is over. */
export async function openWorkbench({
  roots = (base) => [join(base, 'root')],
  home,
  era = 'modern',
  parent,
  env: environment,
  readOnly,
}: WorkbenchOptions = {}): Promise<Workbench> {
  const base = await temporaryFolder(parent);
  await mkdir(join(base, 'root'));
  const env = {
    HOME: join(base, 'user'),
    ...(home !== undefined && { DRAWBRIDGE_HOME: home(base) }),
    ...environment?.(base),
  };
  const folders = roots(base);
  const { client, close } = await connect(createDefinition(env), {
    era,
    roots: folders,
    bridgeKey: KEY,
  });
  onTestFinished(close);
  const identity = { tenant: 't', principal: 'p', project: 'j', run: 'r', roots: folders };
  const caller = { key: KEY, ...identity, readOnly: readOnly?.(base) ?? [] };
  const meta = readOnly === undefined ? {} : { _meta: toCallerMeta(caller) };
  return {
    base,
    root: join(base, 'root'),
    client,
    async call(name, args = {}) {
      const result = await client.callTool({ name, arguments: args, ...meta });
      const [first] = result.content;
      return {
        text: first?.type === 'text' ? first.text : '',
        isError: result.isError === true,
        // Checked by the client against the tool's output schema.
        output: (result.structuredContent ?? {}) as Record<string, unknown>,
        content: result.content,
      };
    },
  };
}

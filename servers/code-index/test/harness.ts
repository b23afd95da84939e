// A temporary root with files, a state folder beside it, and a client on both.
import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
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
  write(files: Readonly<Record<string, string | Buffer>>): Promise<void>;
  call(name: string, args?: Record<string, unknown>, tenant?: string): Promise<Answer>;
  client: Awaited<ReturnType<typeof connect>>['client'];
}

export interface WorkbenchOptions {
  files?: Readonly<Record<string, string | Buffer>>;
  env?: NodeJS.ProcessEnv;
  era?: 'modern' | 'legacy';
  roots?: (base: string) => string[];
}

export async function temporaryFolder(): Promise<string> {
  const base = await realpath(await mkdtemp(join(tmpdir(), 'drawbridge-index-')));
  onTestFinished(() => rm(base, { recursive: true, force: true, maxRetries: 5 }));
  return base;
}

export async function writeFiles(
  root: string,
  files: Readonly<Record<string, string | Buffer>>,
): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), content);
  }
}

/** Everything it opens is gone when the test is over. */
export async function openWorkbench({
  files = {},
  env = {},
  era = 'modern',
  roots = (base) => [join(base, 'root')],
}: WorkbenchOptions = {}): Promise<Workbench> {
  const base = await temporaryFolder();
  const root = join(base, 'root');
  await mkdir(root);
  await mkdir(join(base, 'state'), { mode: 0o700 });
  await writeFiles(root, files);
  const state = { HOME: join(base, 'user'), DRAWBRIDGE_SERVER_STATE: join(base, 'state') };
  const folders = roots(base);
  const { client, close } = await connect(createDefinition({ ...state, ...env }), {
    era,
    roots: folders,
    bridgeKey: KEY,
  });
  onTestFinished(close);
  return {
    base,
    root,
    client,
    write: (more) => writeFiles(root, more),
    async call(name, args = {}, tenant) {
      const identity = { principal: 'p', project: 'j', run: 'r', roots: folders, readOnly: [] };
      const meta =
        tenant === undefined ? {} : { _meta: toCallerMeta({ key: KEY, tenant, ...identity }) };
      const result = await client.callTool({ name, arguments: args, ...meta }, { timeout: 60_000 });
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

/** The rows of an answer, as the tool describes them. */
export function rowsOf({ output }: Answer, key: string): Record<string, unknown>[] {
  return (output[key] ?? []) as Record<string, unknown>[];
}

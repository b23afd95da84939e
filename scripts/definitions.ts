// Writes registry/definitions/<server>.json: what each built-in server lists, so that the bridge can
// answer a first `tools/list` without starting a process. Run after a change of a server's tools:
// `npx tsx scripts/definitions.ts`. A test in each server fails when its file is stale.
import { existsSync, readdirSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { toListing, type ServerDefinition } from '../servers/kit/src/index.ts';

/** What every server's `src/server.ts` exports. */
interface ServerModule {
  createDefinition(env: NodeJS.ProcessEnv): ServerDefinition;
}

const servers = new URL('../servers/', import.meta.url);
const definitions = new URL('../registry/definitions/', import.meta.url);

await mkdir(definitions, { recursive: true });
for (const name of readdirSync(servers).sort()) {
  if (!existsSync(new URL(`${name}/src/main.ts`, servers))) continue;
  const source = new URL(`${name}/src/server.ts`, servers);
  // Held by the convention above; a module that breaks it fails on the next line.
  const { createDefinition } = (await import(source.href)) as ServerModule;
  const file = new URL(`${name}.json`, definitions);
  await writeFile(file, `${JSON.stringify(toListing(createDefinition({})), null, 2)}\n`);
  process.stdout.write(`${fileURLToPath(file)}\n`);
}

// Reads registry/servers/*.json (server.json of the MCP Registry, schema 2025-12-11) and
// registry/definitions/*.json (what a built-in server lists, so that the first `tools/list` needs no
// start). Reads are synchronous: a few small files, at the start and on a changed configuration.
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { findPackageRoot } from './package-root.ts';

const input = z.looseObject({
  description: z.string().optional(),
  isRequired: z.boolean().optional(),
  format: z.enum(['string', 'number', 'boolean', 'filepath']).optional(),
  value: z.string().optional(),
  isSecret: z.boolean().optional(),
  default: z.string().optional(),
  choices: z.array(z.string()).optional(),
});
const keyValue = input.extend({ name: z.string().min(1) });
const argument = z.union([
  input.extend({ type: z.literal('named'), name: z.string().min(1) }),
  input.extend({ type: z.literal('positional'), valueHint: z.string().optional() }),
]);
const remote = z.looseObject({
  type: z.enum(['streamable-http', 'sse']),
  url: z.string().min(1),
  headers: z.array(keyValue).optional(),
});
/** Ranges are refused: a registry entry names one version. */
const exactVersion = z
  .string()
  .min(1)
  .max(255)
  .refine(
    (value) => value !== 'latest' && !/[\^~<>*|]|(^|\.)x($|\.)/.test(value),
    'an exact version, not a range',
  );

/** One server.json. Unknown keys are kept: the schema grows, and `_meta` is anyone's. */
export const serverManifestSchema = z.looseObject({
  $schema: z.string().optional(),
  name: z
    .string()
    .max(200)
    .regex(/^[a-zA-Z0-9.-]+\/[a-zA-Z0-9._-]+$/, 'reverse-DNS namespace, one "/", name'),
  title: z.string().min(1).max(100).optional(),
  description: z.string().min(1).max(100),
  version: exactVersion,
  websiteUrl: z.url().optional(),
  repository: z.looseObject({ url: z.string(), source: z.string() }).optional(),
  packages: z
    .array(
      z.looseObject({
        registryType: z.string(),
        identifier: z.string(),
        version: exactVersion.optional(),
        transport: z.union([z.looseObject({ type: z.literal('stdio') }), remote]),
        runtimeArguments: z.array(argument).optional(),
        packageArguments: z.array(argument).optional(),
        environmentVariables: z.array(keyValue).optional(),
      }),
    )
    .optional(),
  remotes: z.array(remote).optional(),
  _meta: z
    .looseObject({
      /** Tools of this server, or patterns, by the toolsets of the settings that ship. */
      'io.drawbridge/toolsets': z.record(z.string(), z.array(z.string())).optional(),
    })
    .optional(),
});
export type ServerManifest = z.infer<typeof serverManifestSchema> & {
  /** The file's name: what `drawbridge server <id>` starts, and the folder under `servers/`. */
  readonly id: string;
};

const listed = z.looseObject({ name: z.string() });

/** What a server lists, as it says it on the wire. */
export const definitionSchema = z.strictObject({
  serverInfo: z.looseObject({ name: z.string(), version: z.string() }),
  instructions: z.string().optional(),
  capabilities: z.record(z.string(), z.unknown()),
  tools: z.array(listed),
  resources: z.array(listed),
  resourceTemplates: z.array(listed),
  prompts: z.array(listed),
});
export type ServerListing = z.infer<typeof definitionSchema>;

/** Every server that ships with Drawbridge, ordered by id. Throws on a faulty file, naming it. */
export function listServers(root: string = findPackageRoot()): ServerManifest[] {
  const folder = join(root, 'registry', 'servers');
  return readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .sort()
    .map((file) => ({
      ...readJson(join(folder, file), serverManifestSchema),
      id: file.slice(0, -'.json'.length),
    }));
}

/** What the server `id` lists, or nothing where no definition ships. Throws on a faulty file. */
export function loadDefinition(
  id: string,
  root: string = findPackageRoot(),
): ServerListing | undefined {
  const file = join(root, 'registry', 'definitions', `${id}.json`);
  return existsSync(file) ? readJson(file, definitionSchema) : undefined;
}

function readJson<T>(file: string, schema: z.ZodType<T>): T {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new Error(`${file} is not readable as JSON`, { cause: error });
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw new Error(`${file}: ${z.prettifyError(parsed.error)}`);
  return parsed.data;
}

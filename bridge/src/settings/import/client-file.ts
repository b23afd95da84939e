// A client's file as a list of its servers. All clients write nearly the same; what differs is where in
// the file the servers stand, and VS Code's questions to its user.
import { readFileSync } from 'node:fs';
import type { ParseError } from 'jsonc-parser';
import { z } from 'zod';
import { DrawbridgeError, toMessage } from '../../errors.ts';
import { parse } from '../jsonc.ts';

export interface ClientServer {
  readonly name: string;
  /** Where it stands in the file, such as `mcpServers.github`. */
  readonly place: string;
  readonly entry: Readonly<Record<string, unknown>>;
  /** The folder of the one project that the client has it for. */
  readonly project?: string;
}

/** VS Code asks its user for these and puts the answers in. */
export interface ClientInput {
  readonly id: string;
  readonly description?: string | undefined;
  readonly default?: string | undefined;
}

export interface ClientFile {
  readonly path: string;
  readonly servers: readonly ClientServer[];
  readonly inputs: readonly ClientInput[];
}

const servers = z.record(z.string(), z.unknown()).optional();
const fileSchema = z.looseObject({
  mcpServers: servers,
  servers,
  projects: z.record(z.string(), z.looseObject({ mcpServers: servers }).catch({})).optional(),
  inputs: z
    .array(
      z.looseObject({
        id: z.string(),
        description: z.string().optional(),
        default: z.string().optional().catch(undefined),
      }),
    )
    .catch([])
    .default([]),
});

/** @throws DrawbridgeError `settings/invalid` for a file that cannot be read or is not a client's. */
export function readClientFile(path: string, cwd: string): ClientFile {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw invalid(`${path} cannot be read: ${toMessage(error)}`);
  }
  const errors: ParseError[] = [];
  const value: unknown = parse(text, errors, { allowTrailingComma: true });
  if (errors.length > 0) throw invalid(`${path} is not JSON.`);
  const parsed = fileSchema.safeParse(value);
  if (!parsed.success) throw invalid(`${path} is not a file of servers as MCP clients write it.`);
  const { mcpServers, servers, projects = {}, inputs } = parsed.data;
  const ofProjects = Object.entries(projects)
    // What the client has for this very folder wins over what it has for others.
    .sort(([a], [b]) => Number(b === cwd) - Number(a === cwd))
    .flatMap(([project, { mcpServers }]) =>
      toServers(mcpServers, `projects.${project}.mcpServers`).map((server) => ({
        ...server,
        project,
      })),
    );
  return {
    path,
    inputs,
    servers: [
      ...toServers(mcpServers, 'mcpServers'),
      ...toServers(servers, 'servers'),
      ...ofProjects,
    ],
  };
}

function toServers(entries: Record<string, unknown> = {}, place: string): ClientServer[] {
  return Object.entries(entries).map(([name, entry]) => ({
    name,
    place: `${place}.${name}`,
    entry: z.record(z.string(), z.unknown()).catch({}).parse(entry),
  }));
}

function invalid(message: string): DrawbridgeError {
  return new DrawbridgeError('settings/invalid', message, { details: [] });
}

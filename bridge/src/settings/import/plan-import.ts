// What an import would do, before anything is written: which servers come, under which names, which do
// not and why, and which variables have to be set.
import { isDeepStrictEqual } from 'node:util';
import { type ServerEntry, addServer } from '../edit-config.ts';
import type { Issue } from '../issues.ts';
import { toVariableName } from '../variables.ts';
import type { ClientFile } from './client-file.ts';
import { type ConvertContext, convertServer } from './convert-server.ts';
import { type PlainSecret, takePlainSecrets } from './plain-secrets.ts';

export interface PlanOptions extends Omit<ConvertContext, 'inputs'> {
  readonly files: readonly ClientFile[];
  /** The settings as they are. */
  readonly text: string;
  /** Entries there by name. */
  readonly configured: Readonly<Record<string, unknown>>;
  readonly replace: boolean;
  /** Copy secrets as they are instead of putting variables in their place. */
  readonly keepSecrets: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The issues of a text; throws `settings/invalid` where it is not JSON. */
  readonly check: (
    text: string,
    env: Readonly<Record<string, string | undefined>>,
  ) => readonly Issue[];
}

interface From {
  readonly path: string;
  /** Where in the file. */
  readonly place: string;
}

export interface ImportPlan {
  readonly text: string;
  readonly taken: readonly (From & {
    readonly name: string;
    readonly entry: ServerEntry;
    readonly notes: readonly string[];
    readonly plainSecrets: readonly PlainSecret[];
  })[];
  readonly skipped: readonly (From & { readonly name: string; readonly reason: string })[];
  /** Variables that are read and not set. */
  readonly unset: readonly {
    readonly variable: string;
    readonly server: string;
    readonly reason: string;
  }[];
}

export function planImport(options: PlanOptions): ImportPlan {
  const { files, configured, replace, keepSecrets, env, check } = options;
  let { text } = options;
  const taken: ImportPlan['taken'][number][] = [];
  const skipped: ImportPlan['skipped'][number][] = [];
  const unset: ImportPlan['unset'][number][] = [];
  /** By variable, the secret that it stands for. */
  const values = new Map<string, string>();
  const toNameFor = (server: string) => (wanted: string, secret: string) => {
    const isFree = (name: string) => (values.get(name) ?? env[name] ?? secret) === secret;
    const names = [wanted, `${toVariableName(server)}_${wanted}`];
    let variable = names.find(isFree);
    for (let number = 2; variable === undefined; number += 1) {
      variable = [`${wanted}_${number}`].find(isFree);
    }
    values.set(variable, secret);
    return variable;
  };

  for (const { path, servers, inputs } of files) {
    for (const server of servers) {
      const { place } = server;
      const skip = (reason: string) => skipped.push({ path, place, name: server.name, reason });
      const converted = convertServer(server, { ...options, inputs });
      if ('reason' in converted) {
        skip(converted.reason);
        continue;
      }
      const { name, notes, used } = converted;
      const secrets = takePlainSecrets(name, converted.entry, toNameFor(name));
      const entry = keepSecrets ? converted.entry : secrets.entry;
      const clash = taken.find((other) => other.name === name);
      if (clash !== undefined) {
        skip(
          isDeepStrictEqual(clash.entry, entry)
            ? `is the same as in ${clash.path}`
            : `another server of this name comes from ${clash.path}`,
        );
        continue;
      }
      const there = Object.hasOwn(configured, name);
      if (there && isDeepStrictEqual(configured[name], entry)) {
        skip('is there already, just as it is');
        continue;
      }
      if (there && !replace) {
        skip('is configured already; --replace would take this one');
        continue;
      }
      const next = addServer(text, name, { entry, replace });
      const read = [
        ...used.map(({ variable, reason = 'its entry reads it' }) => ({ variable, reason })),
        ...(keepSecrets
          ? []
          : secrets.secrets.map(({ variable, place }) => ({
              variable,
              reason: `it stood in plain text in ${place}`,
            }))),
      ];
      const missing = read.filter(({ variable }) => env[variable] === undefined);
      const issue = findIssue(name, check(next, withPlaceholders(entry, missing, env)));
      if (issue !== undefined) {
        skip(`${issue.path}: ${issue.message}`);
        continue;
      }
      text = next;
      taken.push({ path, place, name, entry, notes, plainSecrets: secrets.secrets });
      for (const { variable, reason } of missing) {
        if (unset.some((known) => known.variable === variable)) continue;
        unset.push({ variable, reason, server: name });
      }
    }
  }
  return { text, taken, skipped, unset };
}

/** Unset variables are told apart from issues of the entry, so they get a value for the check. */
function withPlaceholders(
  { url }: ServerEntry,
  missing: readonly { readonly variable: string }[],
  env: PlanOptions['env'],
): PlanOptions['env'] {
  const begin = /^\$\{(?:env:)?(\w+)/.exec(String(url ?? ''))?.[1];
  const values = missing.map(({ variable }) => [
    variable,
    variable === begin ? 'http://placeholder' : 'placeholder',
  ]);
  return { ...env, ...Object.fromEntries(values) };
}

/** What is wrong with one server; issues of the rest of the file are not the import's. */
function findIssue(name: string, issues: readonly Issue[]): Issue | undefined {
  return issues.find(({ path }) =>
    [`mcpServers.${name}`, `servers.${name}`].some(
      (prefix) => path === prefix || path.startsWith(`${prefix}.`),
    ),
  );
}

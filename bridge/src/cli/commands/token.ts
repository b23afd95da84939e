// `drawbridge token`: the keys that open the bridge.
import type { Command } from 'commander';
import { type Key, roleSchema } from '@drawbridge/schemas';
import { homeOf, readKey, withBridge } from './connect.ts';
import { CommandFailure, EXIT_USAGE } from '../failure.ts';
import { toDateTime } from '../local-time.ts';
import {
  type BridgeCommandOptions,
  parseAge,
  withBridgeOptions,
  withHomeOption,
} from '../options.ts';
import {
  type Colors,
  type Terminal,
  colorsFor,
  printJson,
  printLine,
  printTable,
  toPlain,
} from '../terminal.ts';

export function addTokenCommand(program: Command, terminal: Terminal): void {
  const token = program
    .command('token')
    .summary('show, create, list or revoke keys')
    .description(
      'Keys open the bridge: an operator’s may do everything, a member’s may call tools.',
    );
  addShow(token, terminal);
  addCreate(token, terminal);
  addList(token, terminal);
  addRevoke(token, terminal);
}

function addShow(token: Command, terminal: Terminal): void {
  withHomeOption(
    token
      .command('show')
      .description('Prints the operator’s key of this home, or the member’s key for clients.')
      .option('--member', 'the member’s key')
      .option('--json', 'print JSON'),
  ).action(async (options: BridgeCommandOptions & { readonly member?: boolean }) => {
    const file = options.member === true ? 'member-token' : 'token';
    const key = await readKey(homeOf(terminal, options), file);
    if (options.json === true) {
      printJson(terminal.stdout, { role: options.member === true ? 'member' : 'operator', key });
    } else printLine(terminal.stdout, key);
  });
}

function addCreate(token: Command, terminal: Terminal): void {
  withBridgeOptions(
    token
      .command('create')
      .description('Makes a key and prints it, this once: only its hash is kept.')
      .argument('<name>', 'what or whom it is for')
      .option('--role <role>', 'member or operator', 'member')
      .option(
        '--user <name>',
        'whose it is: keys of one user share runs and sessions; by default a user of its own',
      )
      .option(
        '--expires <age>',
        'how long it lasts, such as 12h or 90d; by default until revoked',
        parseAge,
      ),
  ).action(
    async (
      name: string,
      options: BridgeCommandOptions & {
        readonly role: string;
        readonly user?: string;
        readonly expires?: number;
      },
    ) => {
      const role = roleSchema.safeParse(options.role).data;
      if (role === undefined) {
        throw new CommandFailure(`"${options.role}" is no role; there are member and operator.`, {
          exitCode: EXIT_USAGE,
        });
      }
      const expiresAt =
        options.expires === undefined
          ? undefined
          : new Date(Date.now() + options.expires).toISOString();
      await withBridge(terminal, options, async (client) => {
        const made = await client.createKey({
          name,
          role,
          user: options.user,
          expiresAt,
        });
        if (options.json === true) printJson(terminal.stdout, made);
        else {
          printLine(terminal.stdout, made.key);
          printLine(
            terminal.stderr,
            `It is shown this once. Revoke it with: drawbridge token revoke ${made.id}`,
          );
        }
      });
    },
  );
}

function addList(token: Command, terminal: Terminal): void {
  withBridgeOptions(
    token.command('list').description('Lists the keys, without the keys themselves.'),
  ).action(async (options: BridgeCommandOptions) => {
    await withBridge(terminal, options, async (client) => {
      const keys = await client.keys();
      if (options.json === true) {
        printJson(terminal.stdout, keys);
        return;
      }
      const colors = colorsFor(terminal, terminal.stdout);
      printTable(
        terminal.stdout,
        keys.map(({ id, name, user, role, lastUsedAt, expiresAt, revokedAt }) => [
          id,
          role,
          user === undefined || user.includes(':') ? colors.dim('its own user') : toPlain(user),
          toState({ revokedAt, expiresAt }, colors),
          lastUsedAt === undefined ? 'never used' : `used ${toDateTime(lastUsedAt)}`,
          expiresAt === undefined ? '' : `until ${toDateTime(expiresAt)}`,
          toPlain(name),
        ]),
      );
    });
  });
}

function toState({ revokedAt, expiresAt }: Pick<Key, 'revokedAt' | 'expiresAt'>, colors: Colors) {
  if (revokedAt !== undefined) return colors.dim('revoked');
  const isExpired = expiresAt !== undefined && Date.parse(expiresAt) <= Date.now();
  return isExpired ? colors.dim('expired') : colors.green('valid');
}

function addRevoke(token: Command, terminal: Terminal): void {
  withBridgeOptions(
    token
      .command('revoke')
      .description('Takes a key back, or all keys of a user; they are refused from then on.')
      .argument('[id]', 'as `drawbridge token list` shows it')
      .option('--user <name>', 'disable this user instead, with all its keys'),
  ).action(
    async (
      id: string | undefined,
      { user, ...options }: BridgeCommandOptions & { readonly user?: string },
    ) => {
      if ((id === undefined) === (user === undefined)) {
        throw new CommandFailure('Name either the id of a key or --user NAME.', {
          exitCode: EXIT_USAGE,
        });
      }
      await withBridge(terminal, options, async (client) => {
        if (user !== undefined) await client.disableUser(user);
        if (id !== undefined) await client.revokeKey(id);
        const what = user === undefined ? { id } : { user };
        if (options.json === true) printJson(terminal.stdout, { ...what, revoked: true });
        else {
          printLine(
            terminal.stdout,
            user === undefined
              ? `The key ${id} was revoked.`
              : `The user ${user} was disabled, with all its keys.`,
          );
        }
      });
    },
  );
}

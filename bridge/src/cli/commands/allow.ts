// `drawbridge allow`: takes over a settings file that is not followed by itself, after showing what
// that changes.
import { findPackageRoot } from '@drawbridge/registry';
import type { Command } from 'commander';
import {
  type PendingSettings,
  type SettingsChoice,
  chooseSettings,
} from '../../settings/choose-settings.ts';
import { parseConfigText } from '../../settings/config-file.ts';
import { assertNoIssues } from '../../settings/issues.ts';
import { assertTrusted, findHome } from '../../settings/homes.ts';
import { findProjectCode } from '../../settings/project-code.ts';
import { type SettingsCopies, createSettingsCopies } from '../../settings/settings-copies.ts';
import { loadSettings } from '../../settings/settings.ts';
import { allowServer } from './allow-server.ts';
import { canAsk, confirm } from '../confirm.ts';
import { CommandFailure } from '../failure.ts';
import { type BridgeCommandOptions, withBridgeOptions, withConfigOption } from '../options.ts';
import { printLineDifference, toLineDifference, toVisible } from '../line-difference.ts';
import { type Terminal, colorsFor, printJson, printLine } from '../terminal.ts';

type AllowOptions = BridgeCommandOptions & {
  readonly config?: string;
  readonly yes?: boolean;
};

export function addAllowCommand(program: Command, terminal: Terminal): void {
  withConfigOption(
    withBridgeOptions(
      program
        .command('allow')
        .summary('take over changed settings, or definitions that are withheld')
        .description(
          'Shows what a settings file would change, and takes over exactly the text that was shown; a running bridge picks it up. With a server, shows the definitions of it that a strict pin withholds, and lets exactly these through.',
        )
        .argument('[server]', 'its name as `drawbridge servers` lists it')
        .option('-y, --yes', 'do not ask'),
    ),
  ).action(async (server: string | undefined, options: AllowOptions) => {
    if (server !== undefined) {
      await allowServer(server, options, terminal);
      return;
    }
    const { choice, copies } = readChoice(terminal, options);
    const { pending } = choice;
    if (pending === undefined) {
      if (options.json === true) printJson(terminal.stdout, { path: choice.path, allowed: false });
      else printLine(terminal.stdout, `Nothing waits: ${choice.path} is in force.`);
      return;
    }
    await approve(pending, { terminal, copies, isAsked: options.yes !== true, options });
    if (options.json === true) printJson(terminal.stdout, { path: pending.path, allowed: true });
    else printLine(terminal.stdout, `${toVisible(pending.path)} is allowed as it was shown.`);
  });
}

/** What is in force here, and what waits. */
export function readChoice(
  { env, cwd }: Terminal,
  options: Pick<AllowOptions, 'home' | 'config'>,
): { choice: SettingsChoice; copies: SettingsCopies } {
  const home = findHome({ env, cwd, home: options.home });
  assertTrusted(home);
  const packageRoot = findPackageRoot();
  return {
    choice: chooseSettings({ env, cwd, configPath: options.config, home, packageRoot }),
    copies: createSettingsCopies(home, env),
  };
}

/** Shows the change, asks, and keeps the very text that was shown. */
async function approve(
  pending: NonNullable<SettingsChoice['pending']>,
  {
    terminal,
    copies,
    isAsked,
    options,
  }: {
    terminal: Terminal;
    copies: SettingsCopies;
    isAsked: boolean;
    options: AllowOptions;
  },
): Promise<void> {
  const { path, kind, text } = pending;
  if (kind === 'broken') {
    assertNoIssues(text === undefined ? [] : parseConfigText(text, path).errors, path);
    throw new CommandFailure(pending.message, { hint: 'Mend the file, or remove it.' });
  }
  const allowed = copies.read(path);
  printPending(pending, allowed, terminal);
  if (text !== undefined) printWarnings(path, text, { terminal, home: options.home });
  if (isAsked && !canAsk(terminal)) {
    throw new CommandFailure('Nothing was allowed: nobody can be asked here.', {
      hint: 'Read what is shown above, and give --yes to allow it.',
    });
  }
  if (isAsked && !(await confirm(terminal, 'Allow this?'))) {
    throw new CommandFailure('Nothing was allowed.');
  }
  if (text === undefined) copies.remove(path);
  else copies.write(path, text);
}

/** What a file holds that is not in force, against what was allowed of it. */
export function printPending(
  { path, text = '' }: PendingSettings,
  allowed: string | undefined,
  terminal: Terminal,
): void {
  const { stderr } = terminal;
  const colors = colorsFor(terminal, stderr);
  const how = allowed === undefined ? '' : ' against what was allowed';
  printLine(stderr, `${colors.bold(toVisible(path))}${how}:`);
  printLineDifference(stderr, toLineDifference(allowed ?? '', text), colors);
}

/** What is wrong or risky in the text, which may be allowed all the same. */
export function printWarnings(
  path: string,
  text: string,
  { terminal, home }: { readonly terminal: Terminal; readonly home?: string | undefined },
): void {
  const { env, cwd, stderr } = terminal;
  const settings = loadSettings({ env, cwd, home, configPath: path, configText: text });
  for (const issue of settings.issues) {
    printLine(stderr, toVisible(`! ${issue.path}: ${issue.message}`));
  }
  for (const { message } of findProjectCode(settings)) printLine(stderr, toVisible(`! ${message}`));
}

// What `drawbridge start` settles before the bridge runs: whether the home that lies here is this
// user's, and whether a settings file that nobody allowed yet may be run.
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { findPackageRoot } from '@drawbridge/registry';
import { type PendingSettings, chooseSettings } from '../settings/choose-settings.ts';
import { parseConfigText } from '../settings/config-file.ts';
import { assertNoIssues } from '../settings/issues.ts';
import { type Home, assertTrusted, claimHome, findHome, listHome } from '../settings/homes.ts';
import { isInside } from '../settings/inside.ts';
import { createSettingsCopies } from '../settings/settings-copies.ts';
import { printPending, printWarnings } from './commands/allow.ts';
import { canAsk, confirm } from './confirm.ts';
import { toVisible } from './line-difference.ts';
import { type Terminal, printLine } from './terminal.ts';

export interface PrepareOptions {
  readonly home?: string | undefined;
  readonly config?: string | undefined;
  /** Allow a settings file that was never allowed, without asking. */
  readonly allow?: boolean | undefined;
  /** For a client in passing: nobody is asked, and nothing is allowed. */
  readonly isDetached: boolean;
}

/** @throws DrawbridgeError `home/foreign`; what is not allowed is left out instead. */
export async function prepareStart(terminal: Terminal, options: PrepareOptions): Promise<void> {
  const { env, cwd } = terminal;
  const found = findHome({ env, cwd, home: options.home });
  const wasThere = existsSync(found.path);
  const home = await settleHome(found, terminal, options);
  claimHome(home, env);
  if (options.isDetached) return;

  const packageRoot = findPackageRoot();
  const copies = createSettingsCopies(home, env);
  const { pending } = chooseSettings({ env, cwd, configPath: options.config, home, packageRoot });
  if (pending === undefined) return;
  // Until now nothing ran here that could have written the installation's own file.
  const isInstallation = isInside(packageRoot, dirname(pending.path)) && !wasThere;
  if (pending.kind === 'broken' && (options.allow === true || isInstallation)) {
    assertNoIssues(parseConfigText(pending.text ?? '', pending.path).errors, pending.path);
  }
  if (pending.kind === 'new' && pending.text !== undefined) {
    const isAllowed =
      options.allow === true || isInstallation || (await ask(pending, terminal, home));
    if (isAllowed) copies.write(pending.path, pending.text);
  }
}

async function settleHome(
  home: Home,
  terminal: Terminal,
  { isDetached }: PrepareOptions,
): Promise<Home> {
  if (home.trust !== 'foreign') return home;
  if (isDetached || !canAsk(terminal)) assertTrusted(home);
  const { path } = home;
  printLine(
    terminal.stderr,
    `${toVisible(path)} was not made by Drawbridge for this user, or was moved here. Its database, keys and settings would be used, and a database can run commands.`,
  );
  if (!(await confirm(terminal, 'Is it yours?'))) assertTrusted(home);
  listHome(path, terminal.env);
  return { path, trust: 'listed' };
}

async function ask(pending: PendingSettings, terminal: Terminal, home: Home): Promise<boolean> {
  if (!canAsk(terminal)) return false;
  printPending(pending, undefined, terminal);
  if (pending.text !== undefined) {
    printWarnings(pending.path, pending.text, { terminal, home: home.path });
  }
  return confirm(terminal, 'This file was never allowed. Run what it says?');
}

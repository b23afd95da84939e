// How a command changes the settings: its own edit goes into the file and into the copy of what is
// allowed, and nothing else does. A change of somebody else's that waits goes on waiting.
import { existsSync } from 'node:fs';
import { findPackageRoot } from '@drawbridge/registry';
import { type SettingsChoice, chooseSettings, toSettingsKey } from '../settings/choose-settings.ts';
import { writeConfigFile } from '../settings/edit-config.ts';
import { findHome } from '../settings/homes.ts';
import { type SettingsCopies, createSettingsCopies } from '../settings/settings-copies.ts';
import { type Terminal, printLine } from './terminal.ts';

export interface SettingsEdit {
  /** The file that is written. */
  readonly path: string;
  /** What it will hold. */
  readonly text: string;
  /** The same edit of any other text; it must not fail where it is made already. */
  readonly edit: (text: string) => string;
}

/** Writes the edit, and says when the file as a whole still waits to be allowed. */
export function writeSettings(
  { path, text, edit }: SettingsEdit,
  terminal: Terminal,
  options: { readonly config?: string | undefined; readonly home?: string | undefined },
): void {
  const { env, cwd, stderr } = terminal;
  const home = findHome({ env, cwd, home: options.home });
  const copies = createSettingsCopies(home, env);
  const key = toSettingsKey(path, options.config !== undefined);
  const isNew = !existsSync(path);
  const choose = () =>
    chooseSettings({ env, cwd, configPath: options.config, home, packageRoot: findPackageRoot() });
  // A file that is named and does not exist yet is all ours.
  const before = isNew && options.config !== undefined ? undefined : choose();
  writeConfigFile(path, text);
  const allowed = toAllowedText({ before, copies, key, isNew, text });
  if (allowed !== undefined && copies.folder !== undefined) copies.write(key, edit(allowed));
  const { pending } = choose();
  if (pending !== undefined) printLine(stderr, pending.message);
}

/** What the edit of the copy begins from; undefined where the file was never allowed. */
function toAllowedText(options: {
  readonly before: SettingsChoice | undefined;
  readonly copies: SettingsCopies;
  readonly key: string;
  readonly isNew: boolean;
  readonly text: string;
}): string | undefined {
  const { before, copies, key, isNew, text } = options;
  if (before === undefined) return text;
  return isNew || before.pending === undefined ? before.text : copies.read(key);
}

// The settings in force: the text that may be run, read into settings, with what waits to be allowed.
import { findPackageRoot } from '@drawbridge/registry';
import { type SettingsChoice, chooseSettings } from './choose-settings.ts';
import { type Home, findHome } from './homes.ts';
import { type SettingsCopies, createSettingsCopies } from './settings-copies.ts';
import { type Settings, type SettingsOptions, loadSettings } from './settings.ts';

export interface SettingsInForce {
  readonly settings: Settings;
  readonly choice: SettingsChoice;
  readonly copies: SettingsCopies;
}

/** @throws DrawbridgeError `settings/invalid` where nothing can be in force, or for a wrong environment. */
export function loadSettingsInForce(
  options: SettingsOptions & { readonly homeInUse?: Home },
): SettingsInForce {
  const packageRoot = options.packageRoot ?? findPackageRoot();
  const { env, cwd, configPath, homeInUse: home = findHome(options) } = options;
  const choice = chooseSettings({ env, cwd, configPath, home, packageRoot });
  const settings = loadSettings({
    ...options,
    packageRoot,
    home: home.path,
    configPath: choice.path,
    configText: choice.text,
  });
  const { pending } = choice;
  return {
    settings: pending === undefined ? settings : { ...settings, pending },
    choice,
    copies: createSettingsCopies(home, env),
  };
}

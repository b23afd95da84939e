// What Drawbridge keeps for one user outside of every project: the list of the homes that it made
// itself, and the settings that this user allowed. A project folder can hold anything; this folder
// holds only what the user's own commands wrote.
//
//   <user state>/homes/<sha256 of the path>.json      one home: `knownHomeSchema`
//   <user state>/settings/<sha256 of the path>.json   one settings file: `allowedSettingsSchema`
//
// A home that was named by `--home` or `DRAWBRIDGE_HOME` keeps its own `settings/` folder instead.
import { z } from 'zod';

/**
 * A home that Drawbridge made. `path` is absolute and free of links; `id` stands in the home too, so
 * that another folder that was later put there is not taken for it.
 */
export const knownHomeSchema = z.object({ path: z.string(), id: z.string().optional() });

/** The text of a settings file as it was last allowed. `path` is absolute and free of links. */
export const allowedSettingsSchema = z.object({ path: z.string(), text: z.string() });
export type AllowedSettings = z.infer<typeof allowedSettingsSchema>;

/**
 * The user's state folder: `$XDG_STATE_HOME/drawbridge`, else `~/.local/state/drawbridge`. Undefined
 * where the environment names no absolute home directory.
 */
export function toUserStateFolder(
  env: Readonly<Record<string, string | undefined>>,
): string | undefined {
  const state = env['XDG_STATE_HOME'];
  if (isAbsolutePath(state)) return `${state}/drawbridge`;
  const home = env['HOME'] ?? env['USERPROFILE'];
  return isAbsolutePath(home) ? `${home}/.local/state/drawbridge` : undefined;
}

/** The XDG base directory specification ignores relative paths. */
function isAbsolutePath(path: string | undefined): path is string {
  return path !== undefined && /^(\/|[A-Za-z]:[\\/])/.test(path);
}

// What stands in for a faulty piece of our own part of the settings file: what is in force, else the
// default that does least harm.
import { type DrawbridgeOptions, drawbridgeOptionsSchema } from '@drawbridge/schemas';
import type { Place } from './config-file.ts';
import { DEFAULT_PROJECT } from './projects.ts';

/** Nothing of the log is removed while the settings do not say how long it is kept. */
const UNKNOWN_RETENTION = { days: 36_500 };
/** A project whose folders cannot be read has none: never more than its settings meant. */
const NO_ROOTS = { roots: [] };

/** @param dropped the faulty places of the file, each from its top */
export function keepFaulty(
  options: DrawbridgeOptions,
  dropped: readonly Place[],
  previous: DrawbridgeOptions | undefined,
): DrawbridgeOptions {
  const places = dropped.flatMap((place) => {
    if (place.length === 0) return [[]];
    return place[0] === 'drawbridge' && place[1] !== 'servers' ? [place.slice(1)] : [];
  });
  if (places.length === 0) return options;
  const inForce = previous ?? {
    ...drawbridgeOptionsSchema.parse({}),
    retention: UNKNOWN_RETENTION,
    projects: { [DEFAULT_PROJECT]: NO_ROOTS },
  };
  const kept = structuredClone(options);
  for (const [part, name] of places) {
    if (part === undefined) return inForce;
    if (!Object.hasOwn(inForce, part)) continue;
    const before: object = Reflect.get(inForce, part);
    if (name === undefined) {
      Reflect.set(kept, part, before);
      continue;
    }
    const value = Object.hasOwn(before, name)
      ? Reflect.get(before, name)
      : part === 'projects'
        ? NO_ROOTS
        : undefined;
    if (value !== undefined) Reflect.set(Reflect.get(kept, part), name, value);
  }
  return kept;
}

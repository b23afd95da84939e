// Who makes a call, as the bridge tells an upstream that it started: one object under our own key
// of `params._meta`. A server believes it only when its `key` matches the one the bridge gave the
// process, so nobody else on the wire can speak for a principal.
import { z } from 'zod';

/** The `_meta` key that carries a {@link Caller}; the bridge strips it from whatever callers send. */
export const CALLER_META_KEY = 'io.drawbridge/caller';

/** Environment variable through which a spawned server learns the key it must find in `Caller.key`. */
export const BRIDGE_KEY_ENV = 'DRAWBRIDGE_BRIDGE_KEY';

/** Environment variable that names Drawbridge's own home folder, which no server ever opens. */
export const HOME_ENV = 'DRAWBRIDGE_HOME';

/** Environment variable that names the folder a server may keep its own files in. */
export const SERVER_STATE_ENV = 'DRAWBRIDGE_SERVER_STATE';

export const callerSchema = z.object({
  key: z.string(),
  tenant: z.string(),
  principal: z.string(),
  project: z.string(),
  /** Absolute folders that the call's project may touch, most specific use first. */
  roots: z.array(z.string()),
  /** Absolute files and folders that no call may write, such as the bridge's settings file. */
  readOnly: z.array(z.string()).default([]),
  run: z.string(),
  session: z.string().optional(),
});

/** The identity a spawned server trusts for one call. */
export type Caller = z.infer<typeof callerSchema>;

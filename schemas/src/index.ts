// The shapes that cross a boundary of Drawbridge, each as one zod schema with its inferred type.
export { BRIDGE_KEY_ENV, CALLER_META_KEY, HOME_ENV, callerSchema, type Caller } from './caller.ts';
export {
  configFileSchema,
  drawbridgeOptionsSchema,
  effectSchema,
  httpServerSchema,
  serverNameSchema,
  serverOptionsSchema,
  stdioServerSchema,
  type ConfigFile,
  type DrawbridgeOptions,
  type Effect,
  type ServerOptions,
} from './config.ts';
export {
  runKindSchema,
  runSchema,
  runStatusSchema,
  runStatuses,
  type Run,
  type RunKind,
  type RunStatus,
} from './run.ts';
export {
  INLINE_BODY_BYTES,
  bodySchema,
  callMethods,
  eraSchema,
  runEventPayloads,
  runEventSchema,
  type Body,
  type Era,
  type NewRunEvent,
  type RunEvent,
  type RunEventPayload,
  type RunEventType,
} from './run-event.ts';
export {
  allowedSettingsSchema,
  knownHomeSchema,
  toUserStateFolder,
  type AllowedSettings,
} from './user-state.ts';

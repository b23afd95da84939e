// The shapes that cross a boundary of Drawbridge, each as one zod schema with its inferred type.
export {
  BRIDGE_KEY_ENV,
  CALLER_META_KEY,
  HOME_ENV,
  SERVER_STATE_ENV,
  callerSchema,
  type Caller,
} from './caller.ts';
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
export {
  MAX_ALLOWED_AT_ONCE,
  allowRequestSchema,
  allowedSchema,
  definitionKeySchema,
  pendingSettingsSchema,
  serverListSchema,
  serverLogSchema,
  serverSchema,
  withheldDefinitionSchema,
  withheldPageSchema,
  type AllowRequest,
  type DefinitionKey,
  type Server,
  type ServerList,
  type WithheldDefinition,
} from './rest/server.ts';
export {
  callAnswerSchema,
  callRequestSchema,
  toolPageSchema,
  toolSchema,
  type CallAnswer,
  type CallRequest,
  type Tool,
} from './rest/tool.ts';
export {
  keyListSchema,
  keyRequestSchema,
  keySchema,
  newKeySchema,
  roleSchema,
  type Key,
  type KeyRequest,
  type NewKey,
  type Role,
} from './rest/key.ts';
export {
  eventPageSchema,
  pruneRequestSchema,
  removalSchema,
  runPageSchema,
  type EventPage,
  type PruneRequest,
  type Removal,
} from './rest/run.ts';
export { problemSchema, type Problem } from './rest/problem.ts';

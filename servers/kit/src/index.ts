// What a capability server is made of.
export { HOME_ENV } from '@drawbridge/schemas';
export type { Identity } from './caller.ts';
export type { CallContext } from './context.ts';
export { createFence, type Fence } from './fence.ts';
export { createLog, type Log } from './log.ts';
export { PAGE_BYTES, countFitting, fromCursor, toCursor, toPage, type Page } from './paging.ts';
export { main, serve } from './serve.ts';
export {
  defineServer,
  toListing,
  type Prompt,
  type ResourceProvider,
  type ServerDefinition,
  type ServerListing,
} from './server.ts';
export { createStateFolder } from './state-folder.ts';
export { TEXT_LIMIT_BYTES, characterEnd, limitText, type LimitedText } from './text.ts';
export { ToolError, type ToolErrorOptions } from './tool-error.ts';
export { startWorker } from './worker.ts';
export { defineTool, type Tool, type ToolAnswer, type ToolDefinition } from './tool.ts';
export { createUserState, type UserState } from './user-state.ts';

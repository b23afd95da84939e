// Running git in repositories that are not to be trusted.
export {
  assertDate,
  assertRefName,
  assertRemoteName,
  assertRevision,
  assertText,
} from './arguments.ts';
export { CREDENTIALS_ENV, readCredentials } from './credentials.ts';
export { type Folders, readSmallFile } from './locate.ts';
export { toSettingsText } from './own-settings.ts';
export { redact } from './redact.ts';
export type { OpenProxy } from './remote-access.ts';
export { parseRemoteUrl } from './remote-url.ts';
export { createGitRunner, type GitRunner, type Repository, type RunOptions } from './runner.ts';

// The operator's credentials, per host. Git asks for them through a program of ours that answers only
// for the host they belong to; they pass by the environment, which other users can't read, never by a
// command line, a file or an output.
import {
  chmodSync,
  existsSync,
  fstatSync,
  openSync,
  closeSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { ToolError } from '@drawbridge/kit';
import { z } from 'zod';
import type { RemoteUrl } from './remote-url.ts';

const text = z
  .string()
  .min(1)
  .max(8_192)
  .regex(/^[^\0\r\n]+$/);
const schema = z.record(z.string(), z.strictObject({ username: text, password: text }));

export interface Credential {
  username: string;
  password: string;
}

/** By host, with the port where it is not the usual one. */
export type Credentials = Readonly<Record<string, Credential>>;

export const CREDENTIALS_ENV = 'DRAWBRIDGE_GIT_CREDENTIALS';
const MAX_FILE = 1024 * 1024;
const OTHERS = 0o077;

const HOW = `${CREDENTIALS_ENV} is JSON such as {"git.example.com": {"username": "me", "password": "token"}}, or the absolute path of a file with it that only its owner can read`;

function readFile(path: string): string {
  const fd = openSync(path, 'r');
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile() || stat.size > MAX_FILE)
      throw new ToolError(`${CREDENTIALS_ENV} names no usable file.`);
    if (process.platform !== 'win32' && (stat.mode & OTHERS) !== 0) {
      throw new ToolError(`The file that ${CREDENTIALS_ENV} names can be read by others.`, {
        hint: 'chmod 600',
      });
    }
    return readFileSync(fd, 'utf8');
  } finally {
    closeSync(fd);
  }
}

/** @throws ToolError, without the value, when it is not as it has to be. */
export function readCredentials(env: NodeJS.ProcessEnv): Credentials {
  const given = env[CREDENTIALS_ENV]?.trim() ?? '';
  if (given === '') return {};
  try {
    return schema.parse(JSON.parse(isAbsolute(given) ? readFile(given) : given));
  } catch (error) {
    if (error instanceof ToolError) throw error;
    // The error would quote what it could not read.
    throw new ToolError(`${CREDENTIALS_ENV} is not as it has to be.`, { allowed: HOW });
  }
}

/** Constant. The host and the secret come from the environment; a question about another gets none. */
const ASK = `#!/bin/sh
case "$1" in
  "Username for '$DRAWBRIDGE_ASK_SCHEME://$DRAWBRIDGE_ASK_HOST': ") printf '%s\\n' "$DRAWBRIDGE_ASK_USERNAME" ;;
  "Password for '$DRAWBRIDGE_ASK_SCHEME://"*"@$DRAWBRIDGE_ASK_HOST': ") printf '%s\\n' "$DRAWBRIDGE_ASK_PASSWORD" ;;
  *) exit 1 ;;
esac
`;

/** The environment with which git can ask for what belongs to this remote. */
export function toAskEnvironment(
  { protocol, host }: RemoteUrl,
  { username, password }: Credential,
  folder: string,
): Record<string, string> {
  const program = join(folder, 'ask.sh');
  if (!existsSync(program)) {
    writeFileSync(program, ASK, { mode: 0o700 });
    chmodSync(program, 0o700);
  }
  return {
    GIT_ASKPASS: program,
    DRAWBRIDGE_ASK_SCHEME: protocol,
    DRAWBRIDGE_ASK_HOST: host,
    DRAWBRIDGE_ASK_USERNAME: username,
    DRAWBRIDGE_ASK_PASSWORD: password,
  };
}

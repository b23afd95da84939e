// The part of the settings that comes from the environment and the command line. An empty variable
// counts as unset, as compose files and CI systems leave them.
import { isLoopback } from '../loopback.ts';
import type { Issue } from './issues.ts';
import { findHome } from './homes.ts';

export interface EnvironmentOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** From the command line; each wins over its variable. */
  readonly host?: string | undefined;
  readonly port?: string | number | undefined;
  readonly home?: string | undefined;
}

export interface Environment {
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  /** Absolute. */
  readonly home: string;
  readonly databaseUrl?: string;
  /** Nothing uses these three yet: they are validated, and passwords in them are kept out of the log. */
  readonly redisUrl?: string;
  readonly qdrantUrl?: string;
  readonly ollamaHost: string;
  readonly secret?: string;
}

export const DEFAULT_HOST = '127.0.0.1';
export const DEFAULT_PORT = 11_100;

const SHORTEST_SECRET = 32;

export function readEnvironment(options: EnvironmentOptions): {
  environment: Environment;
  issues: Issue[];
} {
  const issues: Issue[] = [];
  const read = (name: string) => options.env[name] || undefined;

  const host = options.host ?? read('DRAWBRIDGE_HOST') ?? DEFAULT_HOST;
  if (!isLoopback(host) && !isYes(read('DRAWBRIDGE_PUBLIC'))) {
    issues.push({
      path: 'DRAWBRIDGE_HOST',
      message:
        `${host} can be reached from other machines, and the bridge itself speaks plain HTTP. ` +
        'Keep 127.0.0.1 and put a proxy with TLS in front (name its host in drawbridge.allowedHosts), ' +
        'or set DRAWBRIDGE_PUBLIC=1 to listen there all the same. Every request needs a key either way.',
    });
  }

  const url = (name: string, schemes: readonly string[]) => {
    const value = read(name);
    if (value === undefined) return {};
    const scheme = URL.canParse(value) ? new URL(value).protocol.slice(0, -1) : undefined;
    if (scheme !== undefined && schemes.includes(scheme)) return { value };
    // The value itself may hold a password, so it is not repeated.
    issues.push({
      path: name,
      message: `not a URL that begins with ${schemes.map((each) => `${each}://`).join(' or ')}`,
    });
    return {};
  };
  const databaseUrl = url('DATABASE_URL', ['postgres', 'postgresql']).value;
  const redisUrl = url('REDIS_URL', ['redis', 'rediss']).value;
  const qdrantUrl = url('QDRANT_URL', ['http', 'https']).value;

  const secret = read('DRAWBRIDGE_SECRET');
  if (secret !== undefined && secret.length < SHORTEST_SECRET) {
    issues.push({
      path: 'DRAWBRIDGE_SECRET',
      message: `${SHORTEST_SECRET} characters at least; make one with: openssl rand -base64 32`,
    });
  }

  return {
    issues,
    environment: {
      host,
      port: readPort(options.port ?? read('DRAWBRIDGE_PORT'), issues),
      home: findHome(options).path,
      ollamaHost: readOllamaHost(read('OLLAMA_HOST'), issues),
      ...(databaseUrl !== undefined && { databaseUrl }),
      ...(redisUrl !== undefined && { redisUrl }),
      ...(qdrantUrl !== undefined && { qdrantUrl }),
      ...(secret !== undefined && { secret }),
    },
  };
}

function isYes(value: string | undefined): boolean {
  return value !== undefined && /^(1|true|yes)$/i.test(value);
}

function readPort(value: string | number | undefined, issues: Issue[]): number {
  if (value === undefined) return DEFAULT_PORT;
  const port = /^\d{1,5}$/.test(String(value)) ? Number(value) : -1;
  if (port >= 0 && port <= 65_535) return port;
  issues.push({
    path: 'DRAWBRIDGE_PORT',
    message: `${JSON.stringify(value)} is no port; a whole number from 0 (any free one) to 65535`,
  });
  return DEFAULT_PORT;
}

/** `OLLAMA_HOST` is the model server's own variable: `host`, `host:port` or a URL, or what it listens on. */
function readOllamaHost(value: string | undefined, issues: Issue[]): string {
  const text = value ?? '127.0.0.1:11434';
  const withScheme = /^https?:\/\//.test(text) ? text : `http://${text}`;
  if (!URL.canParse(withScheme)) {
    issues.push({ path: 'OLLAMA_HOST', message: 'expected host, host:port or an http:// URL' });
    return 'http://127.0.0.1:11434';
  }
  const url = new URL(withScheme);
  if (url.hostname === '0.0.0.0') url.hostname = '127.0.0.1';
  if (url.port === '' && withScheme !== text) url.port = '11434';
  return url.href.replace(/\/$/, '');
}

// The flags that every server takes. What one server alone needs comes from its environment.
import { isAbsolute, resolve } from 'node:path';
import { parseArgs } from 'node:util';

export type CommandLine =
  | { run: 'help' }
  | { run: 'version' }
  | { run: 'stdio'; roots: string[] }
  | { run: 'http'; roots: string[]; host: string; port: number };

/** @throws Error that says which flag is wrong. */
export function parseCommandLine(argv: readonly string[], cwd: string): CommandLine {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      http: { type: 'boolean', default: false },
      port: { type: 'string', default: '0' },
      host: { type: 'string', default: '127.0.0.1' },
      root: { type: 'string', multiple: true, default: [] },
      help: { type: 'boolean', short: 'h', default: false },
      version: { type: 'boolean', default: false },
    },
  });
  if (values.help) return { run: 'help' };
  if (values.version) return { run: 'version' };
  const [mode = 'stdio', ...others] = positionals;
  if (mode !== 'stdio' || others.length > 0) {
    throw new Error(`"${positionals.join(' ')}" is not a command. Folders are given with --root.`);
  }
  // An empty --root would mean the present folder, which nobody asked for.
  const roots = values.root
    .filter((root) => root !== '')
    .map((root) => (isAbsolute(root) ? root : resolve(cwd, root)));
  if (!values.http) return { run: 'stdio', roots };
  const port = Number(values.port);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new Error(`--port ${values.port} is not a port. Allowed: 0 (a free one) to 65535.`);
  }
  return { run: 'http', roots, host: values.host, port };
}

export function toHelp(command: string, description: string): string {
  return `${description}

Usage: ${command} [stdio] [--root DIR]...
       ${command} --http [--port N] [--host ADDRESS] [--root DIR]...

  --root DIR      a folder the server may use; repeatable. Without one, nothing is allowed
  --http          serve Streamable HTTP instead of stdio, and print the URL on stderr
  --port N        port for --http; 0, the default, takes a free one
  --host ADDRESS  address for --http (127.0.0.1). Any other than loopback needs
                  DRAWBRIDGE_SERVER_TOKEN, which every request must then carry as a bearer token
  --version, --help
`;
}

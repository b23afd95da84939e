// A definition becomes a process: command line, transport, lifetime. What only HTTP needs is loaded
// only for HTTP, because a stdio server has to answer within a few tenths of a second.
import { BRIDGE_KEY_ENV } from '@drawbridge/schemas';
import type { Server } from '@modelcontextprotocol/server';
import { StdioServerTransport, serveStdio } from '@modelcontextprotocol/server/stdio';
import { parseCommandLine, toHelp } from './command-line.ts';
import { endWithParent } from './lifetime.ts';
import { createLog } from './log.ts';
import { createServer, type ServerDefinition, type ServerSettings } from './server.ts';
import { createSubscriptions } from './subscriptions.ts';
import { createWatchedTransport } from './watched-transport.ts';

/** Largest message taken from a client, in bytes. */
const MAX_MESSAGE_BYTES = 32 * 1024 * 1024;

function overStdio(definition: ServerDefinition, settings: ServerSettings): () => Promise<void> {
  let modern: Server | undefined;
  const subscriptions = createSubscriptions(
    definition.resources ?? {},
    (uri) => modern?.sendResourceUpdated({ uri }),
    settings.log,
  );
  const wire = new StdioServerTransport(process.stdin, process.stdout, {
    maxBufferSize: MAX_MESSAGE_BYTES,
  });
  const handle = serveStdio(
    ({ era }) => {
      const server = createServer(definition, settings);
      if (era === 'modern') modern = server;
      return server;
    },
    {
      transport: createWatchedTransport(wire, { ...settings, subscriptions }),
      onerror: (error) => settings.log('the connection reported an issue', { error }),
    },
  );
  return () => handle.close();
}

/** Runs the server until its client, its parent or a signal ends it. `argv` is without node and script. */
export async function serve(definition: ServerDefinition, argv: readonly string[]): Promise<void> {
  const command = `drawbridge-${definition.name}`;
  const commandLine = parseCommandLine(argv, process.cwd());
  if (commandLine.run === 'help') {
    process.stdout.write(toHelp(command, definition.title ?? command));
    return;
  }
  if (commandLine.run === 'version') {
    process.stdout.write(`${definition.version}\n`);
    return;
  }
  const log = createLog(definition.name);
  const bridgeKey = process.env[BRIDGE_KEY_ENV];
  const settings: ServerSettings = { bridgeKey, roots: commandLine.roots, log };
  // An issue in one call that escapes every handler must not take the others with it.
  process.on('uncaughtException', (error) => log('an exception escaped', { error }));
  process.on('unhandledRejection', (error) => log('a rejection escaped', { error }));
  if (commandLine.run === 'stdio') {
    endWithParent({ close: overStdio(definition, settings), withParent: true });
    return;
  }
  const { createHttpServer, TOKEN_ENV } = await import('./http-server.ts');
  const { host, port } = commandLine;
  const server = await createHttpServer(definition, settings, {
    host,
    port,
    token: process.env[TOKEN_ENV],
  });
  // Alone, an HTTP server outlives the shell that started it; the bridge's child does not.
  endWithParent({ close: server.close, withParent: bridgeKey !== undefined });
  process.stderr.write(`${command} listens on ${server.url}\n`);
}

/** For a process entry: as {@link serve}, with a wrong command line said in one line. */
export async function main(definition: ServerDefinition): Promise<void> {
  try {
    await serve(definition, process.argv.slice(2));
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    process.stderr.write(`drawbridge-${definition.name}: ${message}\n`);
    process.exitCode = 2;
  }
}

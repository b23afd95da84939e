// The command line as a whole: each command adds itself, and help and errors go the same way for all.
import { Command } from 'commander';
import { addAllowCommand } from './commands/allow.ts';
import { addBackupCommand, addRestoreCommand } from './commands/backup.ts';
import { addCallCommand } from './commands/call.ts';
import { addAddCommand, addRemoveCommand } from './commands/configure.ts';
import { addDoctorCommand } from './commands/doctor.ts';
import { addImportCommand } from './commands/import.ts';
import { addPruneCommand } from './commands/prune.ts';
import { addRunsCommand } from './commands/runs.ts';
import { addServerCommand } from './commands/server.ts';
import { addLogsCommand, addRestartCommand, addServersCommand } from './commands/servers.ts';
import { addStartCommand } from './commands/start.ts';
import { addStdioCommand } from './commands/stdio.ts';
import { addTailCommand } from './commands/tail.ts';
import type { Terminal } from './terminal.ts';
import { addTokenCommand } from './commands/token.ts';
import { addToolsCommand } from './commands/tools.ts';

export function createProgram(terminal: Terminal, version: string): Command {
  const program = new Command('drawbridge')
    .description('One endpoint for every MCP tool, and a log of every call.')
    .version(version)
    .enablePositionalOptions()
    .showHelpAfterError('Add --help to see what there is.')
    .configureOutput({
      writeOut: (text) => void terminal.stdout.write(text),
      writeErr: (text) => void terminal.stderr.write(text),
    })
    .exitOverride();
  addStartCommand(program, terminal);
  addStdioCommand(program, terminal);
  addServerCommand(program);
  addToolsCommand(program, terminal);
  addCallCommand(program, terminal);
  addTailCommand(program, terminal);
  addRunsCommand(program, terminal);
  addServersCommand(program, terminal);
  addAddCommand(program, terminal);
  addRemoveCommand(program, terminal);
  addImportCommand(program, terminal);
  addAllowCommand(program, terminal);
  addRestartCommand(program, terminal);
  addLogsCommand(program, terminal);
  addTokenCommand(program, terminal);
  addBackupCommand(program, terminal);
  addRestoreCommand(program, terminal);
  addPruneCommand(program, terminal);
  addDoctorCommand(program, terminal);
  return program.addHelpText(
    'after',
    `
Examples:
  $ drawbridge start                                   start the bridge
  $ drawbridge add everything -- npx -y @modelcontextprotocol/server-everything
  $ drawbridge call filesystem__list path=.
  $ drawbridge tail                                    watch calls as they happen`,
  );
}

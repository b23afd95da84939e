// `drawbridge tools`: what there is to call.
import type { Command } from 'commander';
import { isRecord } from '../../json-record.ts';
import type { Tool } from '@drawbridge/schemas';
import { withBridge } from './connect.ts';
import { type BridgeCommandOptions, withBridgeOptions } from '../options.ts';
import {
  type Colors,
  type Terminal,
  colorsFor,
  printJson,
  printLine,
  printTable,
  toPlain,
  withSpinner,
} from '../terminal.ts';

type ToolsOptions = BridgeCommandOptions & { readonly server?: string; readonly long?: boolean };

export function addToolsCommand(program: Command, terminal: Terminal): void {
  withBridgeOptions(
    program
      .command('tools')
      .summary('list or search the tools')
      .description(
        'Lists the tools of all servers, or those whose name or description holds the words.',
      )
      .argument('[words...]', 'what to look for')
      .option('-s, --server <name>', 'only this server’s')
      .option('-l, --long', 'with whole descriptions and arguments'),
  )
    .addHelpText(
      'after',
      `
Examples:
  $ drawbridge tools
  $ drawbridge tools read file --long
  $ drawbridge tools --server filesystem --json`,
    )
    .action(async (words: string[], options: ToolsOptions) => {
      await withBridge(terminal, options, async (client) => {
        const q = words.length > 0 ? words.join(' ') : undefined;
        const tools = await withSpinner(terminal, 'Asking the servers', () =>
          client.tools({ q, server: options.server }),
        );
        const colors = colorsFor(terminal, terminal.stdout);
        if (options.json === true) printJson(terminal.stdout, tools);
        else if (options.long === true) {
          for (const tool of tools) printTool(tool, { terminal, colors });
        } else {
          printTable(
            terminal.stdout,
            tools.map((tool) => [
              colors.cyan(tool.name),
              firstLine(tool.description ?? tool.title),
            ]),
          );
        }
        if (tools.length === 0) printLine(terminal.stderr, 'No tool fits.');
      });
    });
}

function firstLine(text = ''): string {
  return toPlain(text.trim().split('\n')[0] ?? '');
}

function printTool(tool: Tool, { terminal, colors }: { terminal: Terminal; colors: Colors }): void {
  printLine(terminal.stdout, colors.cyan(tool.name));
  if (tool.description !== undefined) {
    printLine(terminal.stdout, `  ${toPlain(tool.description.trim()).replaceAll('\n', '\n  ')}`);
  }
  const { properties, required } = tool.inputSchema;
  const needed = Array.isArray(required) ? required : [];
  const rows = Object.entries(isRecord(properties) ? properties : {}).map(([name, schema]) => [
    `    ${colors.bold(name)}${needed.includes(name) ? '*' : ''}`,
    colors.dim(typeOf(schema)),
    isRecord(schema) && typeof schema['description'] === 'string'
      ? firstLine(schema['description'])
      : '',
  ]);
  printTable(terminal.stdout, rows);
  printLine(terminal.stdout, '');
}

function typeOf(schema: unknown): string {
  if (!isRecord(schema)) return '';
  if (Array.isArray(schema['enum'])) return schema['enum'].join('|');
  const { type } = schema;
  return Array.isArray(type) ? type.join('|') : typeof type === 'string' ? type : '';
}

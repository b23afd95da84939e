// `drawbridge allow SERVER`: shows the definitions of a server that a strict pin withholds, whole or as
// differences, and lets through exactly what was shown, by its hashes. What servers write is shown with
// everything escaped that a terminal would act on or not show.
import type { WithheldDefinition } from '@drawbridge/schemas';
import { canAsk, confirm } from '../confirm.ts';
import { withBridge } from './connect.ts';
import { CommandFailure, EXIT_USAGE } from '../failure.ts';
import { printLineDifference, toLineDifference, toVisible } from '../line-difference.ts';
import type { BridgeCommandOptions } from '../options.ts';
import { type Terminal, colorsFor, printJson, printLine, withSpinner } from '../terminal.ts';

/** Asks before it lets anything through, unless `yes` is given. */
export async function allowServer(
  server: string,
  options: BridgeCommandOptions & { readonly yes?: boolean },
  terminal: Terminal,
): Promise<void> {
  const { stdout, stderr } = terminal;
  await withBridge(terminal, options, async (client) => {
    const shown = await withSpinner(terminal, 'Looking', () => client.withheld(server));
    const isJson = options.json === true;
    if (!isJson) for (const item of shown) print(item, terminal);
    if (shown.length === 0) {
      if (isJson) printJson(stdout, { withheld: [], allowed: [] });
      else printLine(stdout, `Nothing of ${toVisible(server)} is withheld.`);
      return;
    }
    if (options.yes !== true) {
      if (isJson) {
        printJson(stdout, { withheld: shown, allowed: [] });
        return;
      }
      if (!canAsk(terminal)) {
        throw new CommandFailure(`${toCount(shown.length)} of ${server} await approval.`, {
          hint: 'Give --yes to let through what is shown above.',
          exitCode: EXIT_USAGE,
        });
      }
      if (
        !(await confirm(terminal, `Let ${toCount(shown.length)} of ${toVisible(server)} through?`))
      ) {
        printLine(stderr, 'Nothing was let through.');
        return;
      }
    }
    const allowed = await withSpinner(terminal, 'Allowing', () => client.allow(server, shown));
    if (isJson) printJson(stdout, { withheld: shown, allowed });
    else printLine(stdout, `${toCount(allowed.length)} of ${toVisible(server)} let through.`);
    const left = shown.length - allowed.length;
    if (left > 0) {
      throw new CommandFailure(`${toCount(left)} changed after being shown and stay withheld.`, {
        hint: `Run \`drawbridge allow ${server}\` again to see them.`,
      });
    }
  });
}

function print({ kind, name, definition, before }: WithheldDefinition, terminal: Terminal): void {
  const { stdout } = terminal;
  const colors = colorsFor(terminal, stdout);
  const label = kind.replaceAll('_', ' ');
  const title = `${label}${name === '' ? '' : ` ${toVisible(name)}`}`;
  const how = before === undefined ? colors.green('new') : colors.yellow('changed');
  printLine(stdout, `${colors.bold(title)} ${how}`);
  const texts = [before, definition].map((value) =>
    value === undefined ? '' : `${JSON.stringify(value, undefined, 2)}\n`,
  );
  printLineDifference(stdout, toLineDifference(texts[0] ?? '', texts[1] ?? ''), colors);
  printLine(stdout, '');
}

function toCount(count: number): string {
  return `${count} ${count === 1 ? 'definition' : 'definitions'}`;
}

// `drawbridge doctor`: says what is wrong with a set-up and how to fix it. It changes nothing, and a
// check that breaks down is a finding itself.
import type { Command } from 'commander';
import { toMessage } from '../../errors.ts';
import { findHome } from '../../settings/homes.ts';
import { createExchange } from '../../http-client/exchange.ts';
import { bridgeChecks } from '../bridge-checks.ts';
import { CommandFailure } from '../failure.ts';
import type { Check, CheckContext, Finding } from '../finding.ts';
import { machineChecks } from '../machine-checks.ts';
import { type OutputOptions, withConfigOption, withHomeOption } from '../options.ts';
import { type Terminal, colorsFor, printJson, printLine, withSpinner } from '../terminal.ts';

type DoctorOptions = OutputOptions & { readonly home?: string; readonly config?: string };

export function addDoctorCommand(program: Command, terminal: Terminal): void {
  withConfigOption(
    withHomeOption(
      program
        .command('doctor')
        .summary('say what is wrong with the set-up, and how to fix it')
        .description(
          'Checks this machine, the settings, the home, the bridge and its servers. Changes nothing.',
        )
        .option('--json', 'print JSON'),
    ),
  ).action(async (options: DoctorOptions) => {
    const exchange = createExchange();
    try {
      const context = {
        terminal,
        exchange,
        home: findHome({ ...terminal, home: options.home }),
        config: options.config,
      };
      const findings = await withSpinner(terminal, 'Looking', async () =>
        [
          ...(await Promise.all(machineChecks.map((check) => run(check, context)))),
          ...(await Promise.all(bridgeChecks.map((check) => run(check, context)))),
        ].flat(),
      );
      if (options.json === true) printJson(terminal.stdout, findings);
      else print(findings, terminal);
      const failed = findings.filter(({ state }) => state === 'fail').length;
      if (failed > 0) {
        throw new CommandFailure(
          failed === 1 ? 'One thing is wrong.' : `${failed} things are wrong.`,
        );
      }
    } finally {
      await exchange.close();
    }
  });
}

async function run(check: Check, context: CheckContext): Promise<Finding[]> {
  try {
    const found = await check.run(context);
    return Array.isArray(found) ? found : [found];
  } catch (error) {
    return [{ name: check.name, state: 'fail', detail: toMessage(error) }];
  }
}

function print(findings: readonly Finding[], terminal: Terminal): void {
  const { green, yellow, red, dim } = colorsFor(terminal, terminal.stdout);
  const marks = { ok: green('✓'), warn: yellow('!'), fail: red('✗') };
  for (const { name, state, detail, fix } of findings) {
    printLine(terminal.stdout, `${marks[state]} ${name}: ${detail}`);
    if (fix !== undefined) printLine(terminal.stdout, dim(`    ${fix}`));
  }
}
